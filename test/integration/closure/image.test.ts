import { chmod, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../bundler/closure/elf/read.ts';
import { resolveLibraries } from '../../../bundler/closure/elf/resolve.ts';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { nobody } from '../../helpers/children.ts';
import { saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { savedOf, type TestImage } from '../../helpers/images.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** The files of this machine's shell, at their own places, as the layer of an image. */
async function shellLayer(): Promise<Record<string, Buffer>> {
  const elf = await readElf(await realpath('/bin/sh'));
  if (elf === null || elf.interpreter === null) throw new Error('/bin/sh is static');
  const { libraries } = await resolveLibraries([elf], elf.interpreter, '/bin/sh');
  const files = [...libraries.values()].map(({ file }) => file);
  const layer: Record<string, Buffer> = {
    'bin/sh': await readFile('/bin/sh'),
    [elf.interpreter.slice(1)]: await readFile(elf.interpreter),
  };
  for (const file of files) layer[file.slice(1)] = await readFile(file);
  return layer;
}

/** Bundles an image that holds the shell and `script` as /srv/run. */
async function bundleImage(
  script: string,
  config: TestImage['config'] = {},
): Promise<{ file: string; cwd: string }> {
  const cwd = await temporaryDirectory();
  await chmod(cwd, 0o755);
  const layers = [await shellLayer(), { 'srv/bin/run': `#!/bin/sh\n${script}\n`, 'etc/greeting': 'hello\n' }];
  await writeFile(
    join(cwd, 'web.tar'),
    await savedOf({ layers, config: { Entrypoint: ['/srv/bin/run'], WorkingDir: '/srv', ...config } }),
  );
  const { file } = await saddlebagJson<Bundle>(['bundle', 'web.tar', '-o', 'web'], { cwd });
  return { file, cwd };
}

describe('the bundle of an image', () => {
  it('runs with the image as its root, as nobody and as the superuser', async () => {
    const { file, cwd } = await bundleImage(
      'read -r greeting < /etc/greeting; echo "$greeting $* $MODE $PATH $PWD"; [ -e /usr/share ] && echo "host visible"; echo x > /srv/written && echo written',
      { Cmd: ['by', 'default'], Env: ['MODE=image', 'PATH=/bin'] },
    );
    const env = { PATH: '/usr/bin:/bin', SADDLEBAG_CACHE_DIR: join(cwd, 'cache') };
    const expected = 'hello by default image /bin /srv\nwritten';
    expect(await execProcess(file, [], { env })).toMatchObject({ exitCode: 0, stdout: expected });
    const own = { ...env, SADDLEBAG_CACHE_DIR: '', HOME: '/nonexistent' };
    expect(await execProcess(file, [], { env: own, ...nobody })).toMatchObject({
      exitCode: 0,
      stdout: expected,
    });
    const given = await execProcess(file, ['given'], { env: { ...env, MODE: 'caller' } });
    expect(given.stdout).toBe('hello given caller /bin /srv\nwritten');
  });

  it('calls its program by the name that the image has for it, as busybox needs', async () => {
    const shellForm = await bundleImage('', { Entrypoint: [], Cmd: ['/bin/sh', '-c', 'echo $0'] });
    const env = { PATH: '/usr/bin:/bin', SADDLEBAG_CACHE_DIR: join(shellForm.cwd, 'cache') };
    expect((await execProcess(shellForm.file, [], { env })).stdout).toBe('/bin/sh');
  });

  it('can be tried before it is kept: its root is a mount in the empty one', async () => {
    const cwd = await temporaryDirectory();
    const layers = [await shellLayer()];
    await writeFile(join(cwd, 'web.tar'), await savedOf({ layers, config: { Entrypoint: ['/bin/sh'] } }));
    const tried = ['bundle', 'web.tar', '-o', 'web', '--check', '--', '/bin/sh', '-c'];
    const failed = await saddlebag([...tried, 'exit 3'], { cwd });
    expect(failed.stderr).toContain('failed in an empty root (exit code 3)');
    expect((await saddlebag([...tried, 'exit 0'], { cwd })).exitCode).toBe(0);
  });
});
