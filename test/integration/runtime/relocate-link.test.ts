import { lstat, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { appBase, makeBundle, start, startChild, withCache } from './bundles.ts';
import { debug } from './machine.ts';
import { foreign, linkOf, own, relocate, shelfOf, startRelocated } from './relocated.ts';

describe('the link that stands for the store', () => {
  const extracted = (stderr: string) => /: extracted\n/.test(stderr);

  it('is kept, and made again under its name when a cleaner took it', async () => {
    const bundle = await makeBundle('echo "$0"');
    const first = await startRelocated(bundle, { env: debug });
    expect(extracted(first.stderr)).toBe(true);
    expect((await lstat(first.link)).mtimeMs).toBeGreaterThan(Date.now() + 86_400_000 * 365);
    const second = await startRelocated(bundle, { env: debug });
    await rm(first.link);
    const third = await startRelocated(bundle, { env: debug });
    for (const next of [second, third]) {
      expect(next).toMatchObject({ stdout: first.stdout, link: first.link });
      expect(extracted(next.stderr)).toBe(false);
    }
  });

  it.each([
    ['a directory', (link: string) => mkdir(link)],
    ['a file', (link: string) => writeFile(link, '')],
    ['a link to nowhere', (link: string) => symlink('/nonexistent', link)],
    ['a link to elsewhere', (link: string) => symlink('/tmp', link)],
  ])('gets another name where there is %s by now, and the old tree stays', async (_, take) => {
    const bundle = await makeBundle('echo "$0"');
    const first = await startRelocated(bundle);
    const tree = await readlink(first.link);
    await rm(first.link);
    onTestFinished(() => rm(first.link, { force: true, recursive: true }));
    await take(first.link);
    const second = await startRelocated(bundle, { env: debug });
    expect(extracted(second.stderr)).toBe(true);
    expect(second.link).not.toBe(first.link);
    expect(second.stdout).toBe(`${second.link}/${appBase}/bin/app\n`);
    expect(await readdir(tree)).toEqual([appBase]);
    expect(await startRelocated(bundle, { env: debug })).toMatchObject({ link: second.link });
  });

  it('gets another name where the cache was moved', async () => {
    const bundle = await makeBundle('echo "$0"');
    const first = await startRelocated(bundle);
    const elsewhere = `${bundle.cache}-moved`;
    await rename(bundle.cache, elsewhere);
    const outcome = await start(bundle, { env: { ...relocate, SADDLEBAG_CACHE_DIR: elsewhere } });
    const link = await linkOf(elsewhere);
    expect(outcome).toMatchObject({ code: 0, stdout: `${link}/${appBase}/bin/app\n` });
    expect(link).not.toBe(first.link);
  });

  it('is one for many first starts, of which one extracts', async () => {
    const bundle = await makeBundle('echo "$0"', { members: { data: 'data'.repeat(500_000) } });
    const starts = Array.from({ length: 20 }, () => start(bundle, { env: { ...relocate, ...debug } }));
    const outcomes = await Promise.all(starts);
    const link = await linkOf(bundle.cache);
    for (const { stdout } of outcomes) expect(stdout).toBe(`${link}/${appBase}/bin/app\n`);
    expect(outcomes.filter(({ stderr }) => extracted(stderr))).toHaveLength(1);
    expect((await readdir(await shelfOf(bundle.cache))).sort()).toEqual([
      'link',
      'lock',
      link.slice(1).replaceAll('/', '-'),
    ]);
  });

  it('is not left behind where extracting failed', async () => {
    const bundle = await makeBundle('echo never', { members: { data: 'data\n'.repeat(40_000) } });
    const outcome = await startChild('/bin/sh', {
      ...withCache(bundle, { env: relocate }),
      args: ['-c', 'ulimit -f 8; exec "$0"', bundle.file],
    }).outcome;
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    for (const cache of [bundle.cache, join(bundle.spare, '.saddlebag')]) {
      await expect(lstat(await linkOf(cache))).rejects.toThrow('ENOENT');
    }
  });

  it('is another for each closure', async () => {
    const one = await makeBundle(`echo ${own}/data ${foreign}`);
    const dependency = { letter: 'f', name: 'foreign', members: { data: '' } };
    const two = await makeBundle(`echo ${own}/data ${foreign}`, { dependencies: [dependency] });
    const env = { SADDLEBAG_CACHE_DIR: one.cache };
    const first = await startRelocated(one);
    const second = await start(two, { env: { ...relocate, ...env } });
    expect(first.stdout).toBe(`${first.link}/${appBase}/data ${foreign}\n`);
    const [, link] = /^(\S{10})\/\S+ \1\/f{32}-foreign\n$/.exec(second.stdout) ?? [];
    expect(link).not.toBe(first.link);
  });
});
