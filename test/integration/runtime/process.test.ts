import { chmod, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appBase, makeBundle, start, startChild, withCache } from './bundles.ts';
import { isSanitized } from './under-test.ts';

describe('the process of a started bundle', () => {
  it('sets variables where the caller has none', async () => {
    const bundle = await makeBundle('echo "$FIRST $SECOND"', { env: { FIRST: 'ours', SECOND: 'ours' } });
    expect((await start(bundle, { env: { SECOND: 'theirs' } })).stdout).toBe('ours theirs\n');
  });

  it('applies each policy of a variable, in the order of the settings', async () => {
    const bundle = await makeBundle('env', {
      entrypoint: {
        env: [
          { name: 'ALWAYS', value: 'ours', policy: 'always' },
          { name: 'FIRST', value: '/etc/none', policy: 'where-unset-if-present' },
          { name: 'FIRST', value: '/etc/passwd', policy: 'where-unset-if-present' },
          { name: 'FIRST', value: '/etc/group', policy: 'where-unset-if-present' },
          { name: 'GONE', value: '', policy: 'unset' },
          { name: 'HEAD', value: 'ours', policy: 'prepend' },
          { name: 'HEAD', value: 'first', policy: 'prepend' },
          { name: 'NEW', value: 'ours', policy: 'append' },
          { name: 'TAIL', value: 'ours', policy: 'append' },
        ],
      },
    });
    const env = { ALWAYS: 'theirs', GONE: 'theirs', HEAD: 'theirs', TAIL: 'theirs', GONER: 'kept' };
    const lines = (await start(bundle, { env })).stdout.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'ALWAYS=ours',
        'FIRST=/etc/passwd',
        'HEAD=first:ours:theirs',
        'NEW=ours',
        'TAIL=theirs:ours',
        'GONER=kept',
      ]),
    );
    expect(lines.some((line) => line.startsWith('GONE='))).toBe(false);
  });

  it('has arguments that stand in where the user gives none', async () => {
    const bundle = await makeBundle('echo "$@"', {
      args: ['always'],
      entrypoint: { defaultArgs: ['by', 'default'] },
    });
    expect((await start(bundle)).stdout).toBe('always by default\n');
    expect((await start(bundle, { args: ['given'] })).stdout).toBe('always given\n');
  });

  it('starts in its working directory, and says so where that is not there', async () => {
    const inDirectory = (workingDirectory: string) => makeBundle('pwd', { entrypoint: { workingDirectory } });
    expect((await start(await inDirectory('/usr/bin'))).stdout).toBe('/usr/bin\n');
    expect(await start(await inDirectory('/nowhere/at-all'))).toMatchObject({
      code: 125,
      stderr:
        'app: cannot enter the working directory /nowhere/at-all: no such file or directory\nhint: the bundle was made to start there\n',
    });
  });

  it('hands --saddlebag-… to the app where the bundle was made without options', async () => {
    const bundle = await makeBundle('echo "$@"', { runtimeOptions: false });
    expect((await start(bundle, { args: ['--saddlebag-info'] })).stdout).toBe('--saddlebag-info\n');
  });

  it('calls a program by its own path where it looks for its files from there', async () => {
    const bundle = await makeBundle('', {
      members: { 'bin/app': { link: '/bin/cat' } },
      entrypoint: { ownName: true },
      args: ['/proc/self/cmdline'],
    });
    const { stdout } = await start(bundle, { argv0: 'cat' });
    expect(stdout).toBe(`/nix/store/${appBase}/bin/app\0/proc/self/cmdline\0`);
  });

  it('drops the loader’s variables for a closure with its own loader, and only for one', async () => {
    const script = 'echo "$LD_LIBRARY_PATH"';
    const env = { LD_LIBRARY_PATH: '/nonexistent' };
    const own = await makeBundle(script, { closure: { ownLoader: true } });
    const host = await makeBundle(script);
    expect((await start(own, { env })).stdout).toBe('\n');
    expect((await start(own, { env: { ...env, SADDLEBAG_KEEP_ENV: '1' } })).stdout).toBe('/nonexistent\n');
    expect((await start(host, { env })).stdout).toBe('/nonexistent\n');
  });

  it('keeps user and group', async () => {
    const bundle = await makeBundle('id -u; id -g');
    const user = process.getuid?.() === 0 ? 65534 : process.getuid?.();
    expect((await start(bundle)).stdout.split('\n')[0]).toBe(String(user));
  });

  it('starts under a name of its own and through a symbolic link', async () => {
    const bundle = await makeBundle('echo "$0"');
    const link = join(bundle.directory, 'link');
    await symlink(bundle.file, link);
    const outcome = await startChild(link, withCache(bundle)).outcome;
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });

  it('says that a program is not there, with exit code 127', async () => {
    const bundle = await makeBundle('', {
      members: { 'bin/app': { executable: '#!/no/such/interpreter\n' } },
    });
    const outcome = await start(bundle);
    expect(outcome.code).toBe(127);
    expect(outcome.stderr).toMatch(
      /^app: cannot run \/nix\/store\/.*\/bin\/app: no such file, or the interpreter that it names is missing\n$/,
    );
  });

  it('says that a program can’t be executed, with exit code 126', async () => {
    const bundle = await makeBundle('', { members: { 'bin/app': 'no program\n' } });
    const outcome = await start(bundle);
    expect(outcome.code).toBe(126);
    expect(outcome.stderr).toMatch(/^app: cannot run .*\/bin\/app: permission denied\n$/);
  });

  // The sanitizers' own start reads the file too.
  it.skipIf(isSanitized)('asks for a file that can be read', async () => {
    const bundle = await makeBundle('');
    await chmod(bundle.file, 0o111);
    const outcome = await start(bundle);
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toBe(
      `app: cannot read ${bundle.file}: permission denied\nhint: the file has to be readable as well as executable\n`,
    );
  });
});
