import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectBundle } from '../../../bundler/inspect.ts';
import { type BundleBytes, cutBundle, signBundle } from '../../helpers/bundle-bytes.ts';
import { makeBundle, start, type TestBundle } from './bundles.ts';

/** Where the header's tables begin, in the bundle of these tests: one store path. */
const pathRecord = 232;

const dataOffsetOf = ({ header }: BundleBytes): number => Number(header.readBigUInt64LE(8));

async function edited(
  bundle: TestBundle,
  edit: (parts: BundleBytes) => Buffer | undefined,
): Promise<TestBundle> {
  const parts = cutBundle(await readFile(bundle.file));
  const whole = edit(parts) ?? parts.file;
  const file = join(bundle.directory, 'app-edited');
  await writeFile(file, whole);
  await chmod(file, 0o755);
  return { ...bundle, file };
}

const signed = (edit: (parts: BundleBytes) => void) => (parts: BundleBytes) => {
  edit(parts);
  signBundle(parts);
  return undefined;
};

const members = {
  'lib/data': 'data\n'.repeat(2000),
  'lib/link': { link: 'data' },
  'lib/twin': 'data\n'.repeat(2000),
};
const makeSample = () =>
  makeBundle('echo started', {
    members,
    env: { A: 'b' },
    closure: { binds: [{ source: '/etc/hosts', target: '/etc/hosts', policy: 'where-absent' }] },
  });
/** Where the reference of that variable's name stands: behind one store path and one entrypoint. */
const variable = pathRecord + 128 + 16;
const bind = variable + 24;

describe('a bundle that is not whole', () => {
  const absent = /: not a bundle, or cut off or stripped\nhint: fetch or bundle it again\n$/;
  const cases: [string, (parts: BundleBytes) => Buffer | undefined, RegExp][] = [
    ['is cut off', ({ file }) => file.subarray(0, -1), absent],
    ['is cut off in its data', (parts) => parts.file.subarray(0, dataOffsetOf(parts) + 100), absent],
    ['is stripped to its runtime', (parts) => parts.file.subarray(0, dataOffsetOf(parts)), absent],
    ['has something appended', ({ file }) => Buffer.concat([file, Buffer.from('\n')]), absent],
    [
      'lacks bytes in the middle',
      (parts) => {
        const at = dataOffsetOf(parts);
        return Buffer.concat([parts.file.subarray(0, at), parts.file.subarray(at + 8)]);
      },
      /: truncated, or something was appended\n/,
    ],
    [
      'is of another version',
      ({ trailer }) => void trailer.writeUInt32LE(3, 24),
      /: its format is not the one of its runtime\n/,
    ],
    [
      'has a damaged header',
      ({ header }) => void header.writeUInt8(7, 190),
      /: damaged \(the header's digest differs\)/,
    ],
    [
      'has a damaged frame table',
      ({ frames }) => void frames.writeUInt8(7, 3),
      /damaged \(the frame table's digest differs\)/,
    ],
    [
      'has a damaged row',
      ({ rows }) => void rows.writeUInt8(7, 50),
      /damaged \(its index's digest differs\)/,
    ],
    [
      'has damaged data',
      (parts) => {
        const at = dataOffsetOf(parts) + 40;
        parts.file.writeUInt8(parts.file.readUInt8(at) ^ 0x10, at);
        return undefined;
      },
      /damaged \(a frame can't be decompressed\)/,
    ],
  ];
  it.each(cases)('is refused when it %s', async (_, edit, message) => {
    const outcome = await start(await edited(await makeSample(), edit));
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(/^app-edited: cannot read /);
    expect(outcome.stderr).toMatch(message);
  });
});

describe('a bundle whose digests are right and whose numbers are not', () => {
  const u16 = (at: number, value: number) => signed(({ header }) => header.writeUInt16LE(value, at));
  const u32 = (at: number, value: number) => signed(({ header }) => header.writeUInt32LE(value, at));
  const u64 = (at: number, value: bigint) => signed(({ header }) => header.writeBigUInt64LE(value, at));
  const row = (at: number, value: number) => signed(({ rows }) => rows.writeUInt8(value, at));
  /** Makes the string reference at one place the one of another. */
  const string = (at: number, like: number) =>
    signed(({ header }) => header.copy(header, at, like, like + 8));
  const huge = (1n << 64n) - 8n;
  const cases: [string, (parts: BundleBytes) => Buffer | undefined, RegExp][] = [
    ['names another machine', u16(0, 40), /: its runtime is one for another machine\nhint: .+\n$/],
    ['sets an unknown flag', u16(2, 0x8000), /reserved bits are set/],
    ['has frames of no bytes', u32(4, 0), /frame size is out of range/],
    ['has frames above 64 MiB', u32(4, (64 << 20) + 1), /frame size is out of range/],
    ['has data that leaves the file', u64(16, huge), /data frames leave their area/],
    ['has data at an odd place', u64(8, 4097n), /data frames leave their area/],
    ['has an index elsewhere', u64(40, 8n), /index is not where the data frames end/],
    ['has frames without number', u64(48, huge), /index leaves its area/],
    ['has rows without number', u64(56, huge), /index leaves its area/],
    ['has metadata without end', u64(72, 1n << 20n), /index leaves its area|header is not where/],
    ['has store paths without number', u32(144, 0xffffffff), /header's tables leave their area/],
    ['has no store path', u32(144, 0), /header's tables leave their area/],
    ['has arguments without number', u32(152, 1 << 30), /header's tables leave their area/],
    ['has a string that leaves its area', u32(172, 0x7fffffff), /a string leaves its area/],
    ['has a string without its NUL', u32(172, 1), /a string leaves its area/],
    ['skips rows', u64(pathRecord + 8, 1n), /path records leave a gap/],
    ['has a store path of no rows', u64(pathRecord + 16, 0n), /a path record leaves its area/],
    ['has a store path beyond the tar', u64(pathRecord + 120, huge), /a path record leaves its area/],
    [
      'has a frame that leaves its area',
      signed(({ frames }) => frames.writeUInt32LE(0xffffffff, 16)),
      /a frame leaves its area/,
    ],
    ['has frames with a gap', signed(({ frames }) => frames.writeUInt8(1, 0)), /frames leave a gap/],
    ['has a row of an unknown kind', row(48 + 42, 9), /impossible kind or mode/],
    ['has a setuid row', row(2 * 48 + 41, 0o4555 >> 8), /impossible kind or mode/],
    ['has a row below no directory', row(42, 2), /impossible kind or mode|lies in no directory/],
    ['has a link to what comes later', row(32, 9), /hard link names no earlier file/],
    ['has more content than its store paths', u64(32, 1n), /a path record leaves its area/],
    ['has content beside its store paths', u64(32, 1n << 40n), /the path records leave a rest/],
    ['starts in a directory that is not absolute', string(200, 168), /the working directory is not absolute/],
    ['has a root that it does not hold', string(208, 168), /the root is not one of the store paths/],
    ['has binds without number', u32(224, 1 << 29), /header's tables leave their area/],
    ['has a variable of an unknown policy', u32(variable + 16, 6), /an environment policy is unknown/],
    ['has a bind of an unknown policy', u32(bind + 16, 2), /a bind's policy is unknown/],
    ['has a bind that is not absolute', string(bind, 168), /a bind has an impossible path/],
    ['sets a variable without a name', u32(variable + 4, 0), /a string leaves its area|an impossible name/],
    [
      'has a frame that leaves a file out',
      // The first frame of data; what comes after it keeps its order.
      signed(({ frames }) => {
        const last = frames.readUInt8(frames.length - 8);
        for (let at = 24; at < frames.length; at += 32) frames.writeUInt8(last, at);
      }),
      /a frame begins at an impossible row/,
    ],
  ];
  it.each(cases)('is refused by both languages when it %s', async (_, edit, message) => {
    const bundle = await edited(await makeSample(), edit);
    const outcome = await start(bundle);
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(message);
    await expect(inspectBundle(bundle.file, { signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'bundle-damaged',
    });
  });

  it('is refused when a row leads out of its store path', async () => {
    const bundle = await makeBundle('echo started', { members: { 'zz/zz': 'x' } });
    const leadOut = signed(({ rows }) => {
      const stored = Buffer.from('zz/zz', 'latin1').map((byte) => byte ^ 0x80);
      const at = rows.indexOf(stored);
      Buffer.from('../zz', 'latin1')
        .map((byte) => byte ^ 0x80)
        .forEach((byte, index) => {
          rows.writeUInt8(byte, at + index);
        });
    });
    const outcome = await start(await edited(bundle, leadOut));
    expect(outcome.stderr).toMatch(/damaged \(a row has an impossible path\)/);
  });
});
