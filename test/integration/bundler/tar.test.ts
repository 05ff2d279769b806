import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planGroups, tarFrames } from '../../../bundler/frames.ts';
import { locateContents, tarEnd, writeTar } from '../../../bundler/tar.ts';
import type { Entry } from '../../../src/core/types.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const signal = new AbortController().signal;

async function fileEntry(directory: string, path: string, content: string | Buffer): Promise<Entry> {
  const file = join(directory, 'content');
  await writeFile(file, content);
  return { kind: 'file', path, mode: 0o444, sizeBytes: content.length, file };
}

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries, signal)));
}

/** Lists a tar with the system's tar: names quoted as C strings, so that every byte shows. */
function list(tar: Buffer): string[] {
  const out = execFileSync('tar', ['--quoting-style=c', '--utc', '-tvf', '-'], {
    input: Buffer.concat([tar, tarEnd]),
    encoding: 'utf8',
  });
  return out
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
}

describe('writeTar', () => {
  it('writes every kind as the system’s tar reads it, whatever the name', async () => {
    const directory = await temporaryDirectory();
    const long = `nix/${'d'.repeat(150)}/${'f'.repeat(150)}`;
    const entries: Entry[] = [
      { kind: 'directory', path: 'nix', mode: 0o555 },
      await fileEntry(directory, 'nix/system\\x2dfoo\tbar\nbaz', 'same'),
      { kind: 'link', path: 'nix/hard', mode: 0o444, target: 'nix/system\\x2dfoo\tbar\nbaz' },
      { kind: 'symlink', path: 'nix/sym', target: '/nix/store/back\\slash//two' },
      await fileEntry(directory, 'nix/tail\\', 'same'),
      { ...(await fileEntry(directory, long, 'same')), mode: 0o555 } as Entry,
    ];
    expect(list(await tarOf(entries))).toEqual([
      'dr-xr-xr-x 0/0 0 1970-01-01 00:00 "nix/"',
      '-r--r--r-- 0/0 4 1970-01-01 00:00 "nix/system\\\\x2dfoo\\tbar\\nbaz"',
      'hr--r--r-- 0/0 0 1970-01-01 00:00 "nix/hard" link to "nix/system\\\\x2dfoo\\tbar\\nbaz"',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00 "nix/sym" -> "/nix/store/back\\\\slash//two"',
      '-r--r--r-- 0/0 4 1970-01-01 00:00 "nix/tail\\\\"',
      `-r-xr-xr-x 0/0 4 1970-01-01 00:00 "${long}"`,
    ]);
  });

  it('is located where it says', async () => {
    const directory = await temporaryDirectory();
    const entries: Entry[] = [
      { kind: 'directory', path: 'nix', mode: 0o555 },
      await fileEntry(directory, `nix/${'n'.repeat(300)}`, 'needle'),
      { kind: 'symlink', path: 'nix/s', target: 't'.repeat(200) },
    ];
    const tar = await tarOf(entries);
    const { offsets, tarBytes } = locateContents(tar, entries);
    expect(tar.toString('utf8', offsets[1], (offsets[1] ?? 0) + 6)).toBe('needle');
    expect(tarBytes).toBe(tar.length);
  });

  it('refuses a file that is no longer the size that it was', async () => {
    const directory = await temporaryDirectory();
    const small = { ...(await fileEntry(directory, 'nix/a', 'four')), sizeBytes: 5 } as Entry;
    await expect(tarOf([small])).rejects.toMatchObject({ code: 'file-changed' });
    const large = { ...(await fileEntry(directory, 'nix/a', 'four')), sizeBytes: 2_000_000 } as Entry;
    await expect(tarOf([large])).rejects.toMatchObject({ code: 'file-changed' });
  });
});

describe('planGroups', () => {
  const file = (path: string, sizeBytes: number): Entry => ({
    kind: 'file',
    path,
    mode: 0o444,
    sizeBytes,
    file: '/dev/null',
  });

  it('fills groups up to the size of a frame and leaves a large file alone', () => {
    const entries = [file('a', 400), file('b', 400), file('c', 5000), file('d', 10)];
    const groups = planGroups(entries, 2048);
    expect(groups.map((group) => group.entries.map(({ path }) => path))).toEqual([['a', 'b'], ['c'], ['d']]);
    expect(groups.map(({ first }) => first)).toEqual([0, 2, 3]);
  });

  it('cuts a large file at every frameBytes of its tar and no other group', async () => {
    const directory = await temporaryDirectory();
    const content = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
    const entry = await fileEntry(directory, 'nix/large', content);
    const [group] = planGroups([entry], 2048);
    const frames = group === undefined ? [] : await Array.fromAsync(tarFrames(group, 2048, signal));
    expect(frames.map(({ tar }) => tar.length)).toEqual([2048, 2048, 1536]);
    expect(frames.map(({ contentOffsets }) => contentOffsets)).toEqual([[512], [], []]);
    expect(Buffer.concat(frames.map(({ tar }) => tar)).subarray(512, 5512)).toEqual(content);
  });
});
