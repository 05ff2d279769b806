import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { lstat, lutimes, readdir, readlink, rename, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeBundle, ownDirectory, start, startChild, type TestBundle, withCache } from './bundles.ts';
import { debug } from './machine.ts';

const base = (letter: string, name: string) => `${letter.repeat(32)}-${name}`;

/**
 * Two apps with a dependency in common, in one cache. What runs is told by name alone, wherever it was unpacked, so no
 * other test may use these.
 */
async function twoApps(script = 'echo started') {
  const version = randomUUID();
  const name = `app-${version}`;
  const shared = { letter: 'b', name: `shared-${version}`, members: { data: 'x'.repeat(100_000) } };
  const one = await makeBundle(script, { letter: 'c', name, dependencies: [shared] });
  const other = {
    ...(await makeBundle('', { letter: 'd', name, dependencies: [shared] })),
    cache: one.cache,
  };
  const paths = { one: base('c', name), other: base('d', name), shared: base('b', shared.name) };
  return { one, other, paths };
}

/** Makes the last use of a store path some days older. */
async function age(bundle: TestBundle, name: string, days: number, store = ''): Promise<void> {
  const marker = join(bundle.cache, store, 'meta', name);
  const then = (await lstat(marker)).mtimeMs / 1000 - days * 86_400;
  await lutimes(marker, then, then);
}

const stored = async (bundle: TestBundle) => (await readdir(join(bundle.cache, 'store'))).sort();
const gc = (bundle: TestBundle, ...args: readonly string[]) =>
  start(bundle, { args: ['--saddlebag-gc', ...args], env: { SADDLEBAG_STRATEGY: '' } });

describe('gc', () => {
  it('removes what was not used for long, and says what', async () => {
    const { one, other, paths } = await twoApps();
    await start(one);
    await start(other);
    await age(one, paths.one, 40);
    const dry = await gc(other, '--dry-run');
    const path = `${one.cache}/store/${paths.one}`;
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(
      new RegExp(`^would remove ${path}: (\\d+) bytes, not used for 40 days\nwould free \\1 bytes\n$`),
    );
    expect(await stored(one)).toHaveLength(3);
    expect((await gc(other)).stdout).toBe(
      dry.stdout.replaceAll('would remove', 'removed').replace('would free', 'freed'),
    );
    expect(await stored(one)).toEqual([paths.shared, paths.other].sort());
    expect(await readdir(join(one.cache, 'meta'))).not.toContain(paths.one);
    expect(await readdir(join(one.cache, '.saddlebag-tmp'))).toEqual([]);
    expect(await start(one)).toMatchObject({ code: 0, stdout: 'started\n' });
  });

  it('keeps what was used within --age, and takes what was not', async () => {
    const { one, paths } = await twoApps();
    await start(one);
    await age(one, paths.one, 5);
    await age(one, paths.shared, 3);
    expect((await gc(one, '--age', '6d')).stdout).toBe('freed 0 bytes\n');
    await gc(one, '--age', '96h');
    expect(await stored(one)).toEqual([paths.shared]);
  });

  it('keeps to a quota, the longest unused first', async () => {
    const { one, other, paths } = await twoApps();
    await start(one);
    await start(other);
    await age(one, paths.shared, 20);
    await age(one, paths.other, 10);
    expect((await gc(one, '--quota', '1M')).stdout).toBe('freed 0 bytes\n');
    await gc(one, '--quota', '50k');
    expect(await stored(one)).toEqual([paths.one, paths.other].sort());
    await gc(one, '--quota', '0');
    expect(await stored(one)).toEqual([paths.one]);
  });

  it('keeps what runs, with all of its closure', async () => {
    const { one, other, paths } = await twoApps('echo up; read line');
    const { child, outcome } = startChild(one.file, { ...withCache(one), keepInput: true });
    await once(child.stdout, 'data');
    await start(other);
    for (const name of Object.values(paths)) await age(one, name, 100);
    await gc(other);
    expect(await stored(one)).toEqual([paths.shared, paths.one].sort());
    child.stdin.end('\n');
    await outcome;
    await gc(other);
    expect(await stored(one)).toEqual([]);
  });

  it('sees a use of today only once, and one of another day always', async () => {
    const { one, paths } = await twoApps();
    await start(one);
    const marker = join(one.cache, 'meta', paths.shared);
    await age(one, paths.shared, 0.5);
    const known = (await lstat(marker)).mtimeMs;
    await start(one);
    expect((await lstat(marker)).mtimeMs).toBe(known);
    await age(one, paths.one, 2);
    await start(one);
    expect((await lstat(marker)).mtimeMs).toBeGreaterThan(known);
  });

  it('notes the use of what other bundles brought', async () => {
    const { one, other, paths } = await twoApps();
    await start(one);
    await age(one, paths.shared, 100);
    await start(other);
    await gc(other);
    expect(await stored(one)).toContain(paths.shared);
  });

  it('removes a closure that was relocated, as a whole', async () => {
    const { one, paths } = await twoApps();
    const env = { SADDLEBAG_STRATEGY: 'relocate' };
    expect(await start(one, { env })).toMatchObject({ code: 0 });
    const [shelf = ''] = (await readdir(one.cache)).filter((name) => name.startsWith('relocated-'));
    const [inner = ''] = (await readdir(join(one.cache, shelf))).filter((name) => name.startsWith('tmp-'));
    for (const name of [paths.one, paths.shared]) await age(one, name, 100, join(shelf, inner));
    expect((await gc(one)).stdout).toBe('freed 0 bytes\n');
    for (const name of [shelf, join(shelf, inner)]) await utimes(join(one.cache, name), 1e9, 1e9);
    const link = await readlink(join(one.cache, shelf, 'link'));
    expect(existsSync(link)).toBe(true);
    const { stdout } = await gc(one);
    expect(stdout).toContain(`removed ${one.cache}/${shelf}: `);
    expect(await readdir(one.cache)).not.toContain(shelf);
    await expect(lstat(link)).rejects.toThrow('ENOENT');
    expect(await start(one, { env })).toMatchObject({ code: 0 });
  });

  it('removes trees that a killed start left, and nothing that it does not know', async () => {
    const { one, paths } = await twoApps();
    await start(one);
    await ownDirectory(join(one.cache, 'store'), base('e', 'left'));
    await ownDirectory(join(one.cache, 'store'), 'mine');
    await ownDirectory(one.cache, 'ours');
    expect((await gc(one)).stdout).toMatch(/^removed \S+-left: \d+ bytes, left by a start that was killed\n/);
    expect(await stored(one)).toEqual([paths.shared, paths.one, 'mine'].sort());
    expect(existsSync(join(one.cache, 'ours'))).toBe(true);
  });

  it('leaves a directory alone that never was a cache', async () => {
    const { one } = await twoApps();
    await ownDirectory(one.cache, 'store');
    await ownDirectory(join(one.cache, 'store'), base('e', 'somebody'));
    expect((await gc(one)).stdout).toBe('freed 0 bytes\n');
    expect(await readdir(one.cache)).toEqual(['store']);
    expect(await stored(one)).toEqual([base('e', 'somebody')]);
  });

  it('is followed by a start that extracts again, whatever moment it was killed at', async () => {
    const { one, paths } = await twoApps();
    await start(one);
    // As after the marker was taken, and after a tree was moved and not yet removed.
    await ownDirectory(join(one.cache, '.saddlebag-tmp'), 'half');
    await rename(join(one.cache, 'meta', paths.one), join(one.cache, '.saddlebag-tmp', '.marker'));
    expect(await start(one, { env: debug })).toMatchObject({ code: 0, stdout: 'started\n' });
    expect(await readdir(join(one.cache, '.saddlebag-tmp'))).toEqual([]);
  });

  it.each([[['--age']], [['--age', '-1d']], [['--age', '5x']], [['--quota', 'much']], [['all']]])(
    'refuses %j',
    async (args) => {
      const { one } = await twoApps();
      const outcome = await gc(one, ...args);
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toContain('it takes other arguments ([--age 30d] [--quota 5G] [--dry-run])');
    },
  );
});
