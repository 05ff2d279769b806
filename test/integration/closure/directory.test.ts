import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import { execProcess } from '../../../src/core/exec.ts';
import type { Closure } from '../../../src/core/types.ts';
import { noData } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

const context = testContext({ env: { PATH: process.env.PATH } });

async function read(app: string, entrypoint: string, more: Partial<ClosureRequest> = {}): Promise<Closure> {
  const request = { app, entrypoint, args: [], env: {}, data: noData, name: 'tree', ...more };
  return readClosure(request, await temporaryDirectory(), context);
}

async function compile(file: string, source: string, flags: string[] = []): Promise<void> {
  const code = join(await temporaryDirectory(), 'code.c');
  await writeFile(code, source);
  const { exitCode, stderr } = await execProcess('gcc', ['-o', file, code, ...flags]);
  expect(exitCode, stderr).toBe(0);
}

async function run(closure: Closure, args: readonly string[] = []): Promise<string> {
  const { stdout, stderr } = await runInRoot(await placeClosure(closure), closure, args);
  expect(stderr).toBe('');
  return stdout;
}

describeWith([...rootTools, 'gcc'], 'the closure of a directory with compiled programs', () => {
  it('keeps libraries of the tree in it and brings those of the machine', async () => {
    const tree = await temporaryDirectory();
    for (const name of ['bin', 'lib']) await mkdir(join(tree, name));
    await compile(join(tree, 'lib/libanswer.so'), 'int answer(void) { return 42; }', ['-shared', '-fPIC']);
    const source = '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%d\\n", answer()); }';
    await compile(join(tree, 'bin/app'), source, [
      `-L${tree}/lib`,
      '-lanswer',
      '-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib',
    ]);
    await symlink('bin/app', join(tree, 'start'));
    const closure = await read(tree, 'start');
    const [libs, own] = closure.paths;
    expect(Object.keys(libs?.files ?? {})).toContain('lib/libc.so.6');
    expect(Object.keys(libs?.files ?? {})).not.toContain('lib/libanswer.so');
    expect(own).toMatchObject({ directory: tree, references: [libs?.storePath] });
    expect(Object.keys(own?.files ?? {})).toEqual(['bin/app']);
    expect(closure.entrypoint.program).toBe(`${own?.storePath}/start`);
    expect(await run(closure)).toBe('42');
  });

  it('points every program of the tree, so that one may start another', async () => {
    const tree = await temporaryDirectory();
    const source = `#include <stdio.h>
      #include <string.h>
      #include <unistd.h>
      int main(int count, char **args) {
        char path[4096];
        if (strstr(args[0], "helper")) { puts("helped"); return 0; }
        snprintf(path, sizeof path, "%s-helper", args[0]);
        return execl(path, path, (char *)0);
      }`;
    for (const name of ['app', 'app-helper']) await compile(join(tree, name), source);
    expect(await run(await read(tree, 'app'))).toBe('helped');
  });

  it('lets a script name an interpreter of the tree', async () => {
    const tree = await temporaryDirectory();
    await mkdir(join(tree, 'bin'));
    await compile(
      join(tree, 'bin/runner'),
      '#include <stdio.h>\nint main(int c, char **v) { printf("%s %s\\n", v[0], v[1]); }',
    );
    await writeFile(join(tree, 'app'), `#!${tree}/bin/runner\n`, { mode: 0o755 });
    const closure = await read(tree, 'app');
    const own = closure.paths.at(-1)?.storePath;
    expect(closure.entrypoint.interpreter).toBe('runner');
    expect(await run(closure)).toBe(`${own}/bin/runner ${own}/app`);
    // The digest of a tree that names itself is still one of its content alone.
    await chmod(join(tree, 'app'), 0o700);
    expect((await read(tree, 'app')).paths.at(-1)?.storePath).toBe(own);
  });

  it('calls a program of many names as the link to it is called', async () => {
    const tree = await temporaryDirectory();
    await compile(
      join(tree, 'box'),
      '#include <stdio.h>\n#include <string.h>\nint main(int c, char **v) { puts(strrchr(v[0], 47)); return c - 1; }',
      ['-static'],
    );
    await symlink('box', join(tree, 'list'));
    expect((await read(tree, 'box')).entrypoint.ownName).toBe(false);
    const closure = await read(tree, 'list');
    expect(closure.entrypoint.ownName).toBe(true);
    expect(await run(closure)).toBe('/list');
  });

  it('takes a static program without anything of the machine', async () => {
    const tree = await temporaryDirectory();
    await compile(join(tree, 'app'), '#include <stdio.h>\nint main(void) { puts("still"); }', ['-static']);
    await chmod(join(tree, 'app'), 0o644);
    const closure = await read(tree, 'app');
    expect(closure).toMatchObject({ ownLoader: false, paths: [{ directory: tree, references: [] }] });
    expect(await run(closure)).toBe('still');
  });
});

describeWith([...rootTools, 'node', 'gcc'], 'the closure of a directory with a script', () => {
  it('brings the interpreter, and what an addon of the tree needs of the machine', async () => {
    const tree = await temporaryDirectory();
    await writeFile(
      join(tree, 'app.js'),
      '#!/usr/bin/env node\nconst m = { exports: {} };\n' +
        'try { process.dlopen(m, __dirname + "/addon.node"); } catch (error) { console.log(error.message); }\n' +
        'console.log(require("./part.json").text);\n',
    );
    await writeFile(join(tree, 'part.json'), '{"text": "part"}');
    await compile(join(tree, 'libhidden.so.1'), 'int hidden(void) { return 1; }', [
      ...['-shared', '-fPIC', '-Wl,-soname,libhidden.so.1'],
    ]);
    await compile(
      join(tree, 'addon.node'),
      'char *zlibVersion(void);\nint hidden(void);\nchar *f(void) { return zlibVersion() + hidden(); }',
      [
        ...[
          '-shared',
          '-fPIC',
          `-L${tree}`,
          '-l:libhidden.so.1',
          '-l:libz.so.1',
          '-Wl,--enable-new-dtags,-rpath,$ORIGIN',
        ],
      ],
    );
    const closure = await read(tree, 'app.js');
    expect(closure).toMatchObject({ name: 'tree', entrypoint: { interpreter: 'node' } });
    expect(Object.keys(closure.paths[0]?.files ?? {})).toContain('lib/libz.so.1');
    // Node came as far as looking for its own entry into the library: all that it needs was loaded.
    expect(await run(closure)).toMatch(/^Module did not self-register.*\npart$/);
  });

  it('gives one store path for equal trees, whatever their place, times and umask', async () => {
    const tree = await temporaryDirectory();
    await mkdir(join(tree, 'empty'));
    await writeFile(join(tree, 'app'), '#!/bin/sh\necho "$1"\n', { mode: 0o755 });
    const copy = join(await temporaryDirectory(), 'elsewhere');
    await cp(tree, copy, { recursive: true });
    await chmod(join(copy, 'app'), 0o700);
    const [closure, other] = [await read(tree, 'app'), await read(copy, './app')];
    expect(other.paths.map(({ storePath }) => storePath)).toEqual(
      closure.paths.map(({ storePath }) => storePath),
    );
    expect(await run(closure, ['said'])).toBe('said');
  });
});
