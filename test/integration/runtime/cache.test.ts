import { chmod, mkdir, readdir, readlink, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle, nobody, start, startChild, type TestBundle, withCache } from './bundles.ts';

const debug = { SADDLEBAG_DEBUG: '1' };
const many = Object.fromEntries(
  Array.from({ length: 1500 }, (_, index) => [`d${index % 20}/f${index}`, `${index}\n`.repeat(400)]),
);

const temporaries = (bundle: TestBundle): Promise<string[]> =>
  readdir(join(bundle.cache, '.saddlebag-tmp')).catch(() => []);

/** Starts a bundle and returns once something lies in its temporary directory; false when it was done before. */
async function startUntilExtracting(bundle: TestBundle) {
  const started = startChild(bundle.file, withCache(bundle, { env: { SADDLEBAG_JOBS: '1' } }));
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline && started.child.exitCode === null) {
    if ((await temporaries(bundle)).length > 0) break;
  }
  return started;
}

describe('the cache', () => {
  it('is filled by the first start and used by the next', async () => {
    const bundle = await makeBundle('');
    expect((await start(bundle, { env: debug })).stderr).toContain('/store: extracted\n');
    expect((await start(bundle, { env: debug })).stderr).toContain('/store: complete\n');
  });

  it('lets one of twenty first starts extract while the others wait', async () => {
    const bundle = await makeBundle('echo ok', { members: many });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => start(bundle, { env: debug })));
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual(Array(20).fill([0, 'ok\n']));
    expect(outcomes.filter(({ stderr }) => stderr.includes('/store: extracted\n'))).toHaveLength(1);
  });

  it('survives kill -9 at twenty moments of the extraction', async () => {
    const bundle = await makeBundle('ls -R "$(dirname "$0")/.." | wc -l', { members: many });
    const whole = await start(bundle, { env: { SADDLEBAG_CACHE_DIR: join(bundle.cache, 'whole') } });
    let landed = 0;
    for (let round = 0; round < 20; round++) {
      const { child, outcome } = await startUntilExtracting(bundle);
      // The round number spreads the moments; each step of readdir is another few dozen files.
      for (let step = 0; step < round * 3; step++) await temporaries(bundle);
      child.kill('SIGKILL');
      await outcome;
      if ((await temporaries(bundle)).length > 0) landed++;
      expect(await start(bundle)).toMatchObject({ code: 0, stdout: whole.stdout, stderr: '' });
      expect(await temporaries(bundle)).toEqual([]);
      await rm(join(bundle.cache, 'store'), { recursive: true });
      await rm(join(bundle.cache, 'meta'), { recursive: true });
    }
    expect(landed).toBeGreaterThanOrEqual(10);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('is cleaned up when %s comes while extracting', async (signal, code) => {
    const bundle = await makeBundle('echo started', { members: many });
    const { child, outcome } = await startUntilExtracting(bundle);
    child.kill(signal);
    expect(await outcome).toMatchObject({ code, signal: null, stdout: '', stderr: '' });
    expect(await temporaries(bundle)).toEqual([]);
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: 'started\n' });
  });

  it('does not trust a tree whose marker is missing, of another boot or cut off', async () => {
    const bundle = await makeBundle('echo ok');
    await start(bundle);
    const marker = join(bundle.cache, 'meta', appBase);
    const sound = await readlink(marker);
    for (const bad of [undefined, sound.slice(0, -1), sound.replace(/boot .*/, 'boot unknown'), 'synced']) {
      await unlink(marker);
      if (bad !== undefined) await symlink(bad, marker);
      const outcome = await start(bundle, { env: debug });
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toContain('/store: extracted\n');
      expect(await readlink(marker)).toBe(sound);
    }
  });

  it('trusts a tree of another boot that was synced', async () => {
    const bundle = await makeBundle('echo ok');
    await start(bundle, { env: { SADDLEBAG_SYNC: '1' } });
    expect(await readlink(join(bundle.cache, 'meta', appBase))).toMatch(/^[0-9a-f]{64} synced$/);
    expect((await start(bundle, { env: debug })).stderr).toContain('/store: complete\n');
  });

  it('mends a store path that was taken away', async () => {
    const bundle = await makeBundle('echo ok');
    await start(bundle);
    await rm(join(bundle.cache, 'store', appBase), { recursive: true });
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: 'ok\n' });
  });

  it('keeps store paths of one name with different bytes apart', async () => {
    const one = await makeBundle('echo one');
    const two = await makeBundle('echo two');
    const env = { SADDLEBAG_CACHE_DIR: one.cache };
    for (let round = 0; round < 2; round++) {
      expect((await start(one, { env })).stdout).toBe('one\n');
      expect((await start(two, { env })).stdout).toBe('two\n');
    }
  });
});

describe('a place for the cache', () => {
  it('is refused when others may write to it', async () => {
    const bundle = await makeBundle('');
    await chmod(bundle.cache, 0o777);
    const outcome = await start(bundle, { env: debug });
    expect(outcome.stderr).toContain(
      `refused: ${bundle.cache}: not ours alone (another owner, or writable by others)\n`,
    );
  });

  it('is refused when it is a symbolic link', async () => {
    const bundle = await makeBundle('');
    const link = join(bundle.directory, 'link');
    await symlink(bundle.cache, link);
    const outcome = await start(bundle, { env: { ...debug, SADDLEBAG_CACHE_DIR: link } });
    expect(outcome.stderr).toContain(`refused: ${link}: not a directory\n`);
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  it('is passed over when it can’t be written to', async () => {
    const bundle = await makeBundle('echo ok');
    await writeFile(join(bundle.directory, 'file'), '');
    const env = { ...debug, SADDLEBAG_CACHE_DIR: join(bundle.directory, 'file', 'x') };
    const outcome = await start(bundle, { env });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(outcome.stderr).toContain('/file/x: refused:');
    expect(await readdir(join(bundle.spare, '.saddlebag'))).toContain('store');
  });

  describeWith(['root'], 'as a mount', () => {
    const mounted = (options: string, bundle: TestBundle) =>
      `mount -t tmpfs -o ${options},uid=65534,gid=65534,mode=0700 saddlebag-test ${bundle.cache} && ` +
      `exec setpriv --reuid 65534 --regid 65534 --clear-groups ${bundle.file}`;

    it('is passed over when it is noexec', async () => {
      const bundle = await makeBundle('echo ok');
      const outcome = await startChild('/usr/bin/unshare', {
        ...withCache(bundle, { env: debug }),
        args: ['-m', '/bin/sh', '-c', mounted('noexec', bundle)],
        asSelf: true,
      }).outcome;
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toContain(`refused: ${bundle.cache}: mounted noexec\n`);
    });

    it('is passed over when it is full, and cleaned up', async () => {
      const content = Buffer.alloc(3 << 20, 'saddlebag');
      const bundle = await makeBundle('echo ok; ls "$SADDLEBAG_CACHE_DIR/.saddlebag-tmp"', {
        members: { content },
      });
      const outcome = await startChild('/usr/bin/unshare', {
        ...withCache(bundle, { env: debug }),
        args: ['-m', '/bin/sh', '-c', mounted('size=1m', bundle)],
        asSelf: true,
      }).outcome;
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toMatch(/cache: refused: .*no space left on device/);
    });

    it('is refused when another user made it first', async () => {
      const bundle = await makeBundle('');
      const squatted = join(bundle.directory, 'squatted');
      await mkdir(squatted, { mode: 0o755 });
      const outcome = await start(bundle, { env: { ...debug, SADDLEBAG_CACHE_DIR: squatted } });
      expect(nobody.uid).toBe(65534);
      expect(outcome.stderr).toContain(`refused: ${squatted}: not ours alone`);
      expect(await readdir(squatted)).toEqual([]);
    });
  });
});
