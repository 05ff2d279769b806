import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownDigests, rememberDigest } from '../../../src/commands/publish/known-digest.ts';
import { runPublish } from '../../../src/commands/publish/publish.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../publish/failure.ts';

/** The head of a static program, all that `publish` looks at, and more. */
function program(rest: string): Buffer {
  const head = Buffer.from('7f454c4602010100000000000000000002003e00010000000010400000000000', 'hex');
  return Buffer.concat([head, Buffer.alloc(32), Buffer.from(rest)]);
}

async function place() {
  const cwd = await temporaryDirectory();
  const file = join(cwd, 'web');
  await writeFile(file, program('one'));
  const context = testContext({ cwd, env: { SADDLEBAG_BUILD_CACHE: join(cwd, 'cache') } });
  const remember = async (bytes: Buffer) =>
    rememberDigest({ file, sizeBytes: program('one').length, sha256: sha256Hex(bytes) }, context);
  const publish = (flags = {}) => runPublish({ bundle: file, flags: { to: 'store', ...flags } }, context);
  return { context, cwd, file, publish, remember };
}

describe('knownDigests', () => {
  const digests = { sizeBytes: 3, sha256: sha256Hex('abc'), crc32: 7 };

  it('reads a file once, and again when it was touched', async () => {
    const { context, file } = await place();
    let readings = 0;
    const read = async () => {
      readings += 1;
      return digests;
    };
    expect(await knownDigests(file, read, context)).toEqual(digests);
    expect(await knownDigests(file, read, context)).toEqual({ ...digests, crc32: null });
    expect(readings).toBe(1);
    // The same time again: what the kernel notes beside it differs.
    await utimes(file, 1, 1);
    expect(await knownDigests(file, read, context)).toEqual(digests);
    expect(readings).toBe(2);
  });

  it('keeps nothing of what was refused', async () => {
    const { context, file } = await place();
    const refuse = () => Promise.reject(new Error('damaged'));
    await expect(knownDigests(file, refuse, context)).rejects.toThrow('damaged');
    await expect(knownDigests(file, refuse, context)).rejects.toThrow('damaged');
  });

  it.each([
    ['there is no home', {}],
    ['the cache is no directory', { SADDLEBAG_BUILD_CACHE: '/dev/null' }],
    ['its size is no size', { SADDLEBAG_BUILD_CACHE: '/tmp', SADDLEBAG_BUILD_CACHE_SIZE: 'much' }],
  ])('reads each time where %s', async (_, env) => {
    const { context, file } = await place();
    for (const _ of [1, 2]) {
      expect(await knownDigests(file, async () => digests, { ...context, env })).toEqual(digests);
    }
  });
});

describe('a digest that is remembered', () => {
  it('spares the reading before, and gives the same', async () => {
    const { context, publish, remember } = await place();
    await remember(program('one'));
    const { json } = await publish();
    expect(context.events.filter((event) => 'stage' in event && event.stage === 'check')).toEqual([]);
    const unknown = await place();
    expect((await unknown.publish()).json).toEqual(json);
    expect(unknown.context.events).toContainEqual(expect.objectContaining({ stage: 'check' }));
  });

  it('lets nothing be published that is not so, and is forgotten', async () => {
    const { cwd, file, publish, remember } = await place();
    await remember(program('two'));
    const failure = await failureOf(publish());
    expect(failure.code).toBe('file-changed');
    expect(await readdir(join(cwd, 'store', 'web', sha256Hex(program('two'))))).toEqual([]);
    await publish();
    const stored = join(cwd, 'store', 'web', sha256Hex(program('one')), 'web-x86_64');
    expect(await readFile(stored)).toEqual(await readFile(file));
  });

  it('is proved where nothing is sent: the object is there, or with --dry-run', async () => {
    const other = await place();
    await writeFile(other.file, program('two'));
    await other.publish();
    const { cwd, publish, remember } = await place();
    await remember(program('two'));
    expect((await failureOf(publish({ to: join(other.cwd, 'store') }))).code).toBe('file-changed');
    await remember(program('two'));
    expect((await failureOf(publish({ dryRun: true }))).code).toBe('file-changed');
    expect(await readdir(cwd)).not.toContain('store');
  });

  it('is proved once for several stores with --dry-run', async () => {
    const { context, publish, remember } = await place();
    await remember(program('two'));
    const failure = await failureOf(publish({ to: ['one', 'other'], dryRun: true }));
    expect(failure.code).toBe('file-changed');
    // Nothing of it is said store by store: that would be a reading each.
    expect(context.events).not.toContainEqual(expect.objectContaining({ code: 'file-changed' }));
  });
});
