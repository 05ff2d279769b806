import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import { entrypointOf, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { buildElf } from './elf/build-elf.ts';

/** A static program, and a tree with one in it, in a directory that is also the PATH. */
async function place() {
  const cwd = await temporaryDirectory();
  const program = { executable: buildElf({ isStatic: true }) };
  await writeTree(cwd, { app: program, 'tree/bin/app': program, 'tree/notes': 'text' });
  const context = testContext({ cwd, env: { PATH: cwd } });
  const read = async (app: string, more: Partial<ClosureRequest> = {}) =>
    readClosure({ app, args: [], env: {}, ...more }, await temporaryDirectory(), context);
  return { cwd, context, read };
}

describe('readClosure', () => {
  it('reads a static program into one store path', async () => {
    const { cwd, context, read } = await place();
    const closure = await read('app', { args: ['--port'], env: { A: 'b' }, appVersion: '1.2' });
    const [path] = closure.paths;
    expect(closure).toEqual({
      source: 'program',
      name: 'app',
      appVersion: '1.2',
      arch: 'x86_64',
      entrypoint: {
        ...entrypointOf(`${path?.storePath}/bin/app`),
        args: ['--port'],
        env: [{ name: 'A', value: 'b', policy: 'where-unset' }],
      },
      programs: [],
      binds: [],
      root: null,
      imageSettings: null,
      excluded: [],
      ownLoader: false,
      paths: [
        {
          storePath: expect.stringMatching(/-app-1\.2$/),
          directory: null,
          links: {},
          files: { 'bin/app': join(cwd, 'app') },
          references: [],
        },
      ],
    });
    expect(context.events).toEqual([
      { kind: 'step', stage: 'closure', message: `reading ${cwd}/app as a program of this machine` },
    ]);
  });

  it('reads a directory as it is', async () => {
    const { cwd, read } = await place();
    const closure = await read('tree', { entrypoint: 'bin/app' });
    const [path] = closure.paths;
    expect(closure).toMatchObject({
      source: 'directory',
      name: 'tree',
      entrypoint: { program: `${path?.storePath}/bin/app` },
      paths: [{ directory: `${cwd}/tree`, files: {}, references: [] }],
    });
  });

  it('follows a script to the program that runs it', async () => {
    const { cwd, read } = await place();
    await writeFile(join(cwd, 'script'), '#!/usr/bin/env app\n', { mode: 0o755 });
    const closure = await read('script');
    expect(closure.entrypoint.interpreter).toBe('app');
    expect(closure.paths).toHaveLength(2);
    expect(closure.paths[1]?.references).toEqual([closure.paths[0]?.storePath]);
  });

  it('warns of modules that are not where they should be', async () => {
    const { cwd, context, read } = await place();
    await writeTree(cwd, { 'python3.11': { executable: buildElf({ isStatic: true }) } });
    await read('python3.11');
    expect(context.events).toContainEqual(
      expect.objectContaining({
        kind: 'warning',
        code: 'modules-not-included',
        message: 'the modules of python3.11 were not found where it is installed',
      }),
    );
  });

  it.each([
    ['app', { entrypoint: 'bin/app' }, 'entrypoint-unexpected', '{}/app: it says itself what it starts'],
    ['tree', {}, 'entrypoint-required', '{}/tree: it is a directory'],
    ['tree', { entrypoint: 'bin/gone' }, 'entrypoint-missing', '{}/tree: it has no bin/gone'],
    ['tree', { entrypoint: 'bin' }, 'entrypoint-missing', '{}/tree: its bin is not a file'],
    [
      'tree',
      { entrypoint: '../app' },
      'entrypoint-outside',
      '{}/tree: its entrypoint ../app leads out of it, to {}/app',
    ],
    [
      'tree',
      { entrypoint: 'out' },
      'entrypoint-outside',
      '{}/tree: its entrypoint out leads out of it, to {}/app',
    ],
    [
      'tree',
      { entrypoint: 'notes' },
      'not-executable',
      '{}/tree/notes: it is neither an ELF program nor a script that begins with #!',
    ],
    ['loop', {}, 'not-executable', '{}/loop: too many scripts run one another'],
    [
      'tree',
      { entrypoint: 'several' },
      'shebang-unsupported',
      '{}/tree/several: its first line gives several arguments to an interpreter of the directory',
    ],
    ['option', {}, 'shebang-unsupported', '{}/option: its first line gives env "-i app"'],
    ['relative', {}, 'interpreter-missing', '{}/relative: its interpreter app is no executable file'],
    ['mach', {}, 'arch-unsupported', '{}/mach: it is a program of another system; a bundle runs on Linux'],
  ])('refuses %s with %j: %s', async (app, more, code, reason) => {
    const { cwd, read } = await place();
    await symlink('../app', join(cwd, 'tree/out'));
    await writeTree(cwd, {
      loop: { executable: `#!${cwd}/loop\n` },
      'tree/several': { executable: `#!/usr/bin/env -S ${cwd}/tree/bin/app a b\n` },
      option: { executable: '#!/usr/bin/env -i app\n' },
      relative: { executable: '#!app\n' },
      mach: { executable: Buffer.from('cffaedfe0700000100', 'hex') },
    });
    await expect(read(app, more)).rejects.toMatchObject({
      code,
      message: `cannot bundle ${reason.replaceAll('{}', cwd)}`,
    });
  });

  it('refuses a first line that would grow past what the kernel reads', async () => {
    const { cwd, read } = await place();
    await mkdir(join(cwd, 'x'));
    await writeTree(cwd, { 'x/script': { executable: `#!${cwd}/app ${'a'.repeat(200)}\n` } });
    await expect(read('x/script')).rejects.toMatchObject({
      code: 'shebang-unsupported',
      message: `cannot bundle ${cwd}/x/script: its first line would become longer than the 255 bytes that Linux takes`,
    });
  });
});
