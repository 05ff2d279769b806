import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import type { Closure } from '../../../src/core/types.ts';
import { writeTree } from '../../helpers/closures.ts';
import { compile } from '../../helpers/compile.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

const env = { PATH: process.env.PATH };

async function read(app: string, more: Partial<ClosureRequest> = {}): Promise<Closure> {
  return readClosure({ app, args: [], env: {}, ...more }, await temporaryDirectory(), testContext({ env }));
}

/** The variables that a closure sets, as the runtime would. */
function settings({ entrypoint }: Closure): Record<string, string> {
  return Object.fromEntries(
    entrypoint.env.map(({ name, value, policy }) => [
      name,
      policy === 'prepend' ? `${value}:${process.env[name] ?? ''}` : value,
    ]),
  );
}

describeWith([...rootTools, 'bash', 'jq', 'gcc'], 'what is included', () => {
  it('brings a program with its own closure and puts it first on PATH', async () => {
    const closure = await read(findTool('bash') ?? '', { include: ['jq'] });
    const result = await runInRoot(
      await placeClosure(closure),
      closure,
      ['-c', 'jq -n 6*7; type -P jq'],
      settings(closure),
    );
    const jq = closure.entrypoint.env.find(({ name }) => name === 'PATH');
    expect(jq).toMatchObject({ policy: 'prepend', value: expect.stringMatching(/-jq\/bin$/) });
    expect(result).toMatchObject({ exitCode: 0, stdout: `42\n${jq?.value}/jq` });
    expect(closure.binds).toEqual([]);
    expect(closure.paths.at(-1)?.storePath).toMatch(/-bash$/);
  });

  it('brings no library twice', async () => {
    const closure = await read(findTool('bash') ?? '', { include: ['jq'] });
    const names = closure.paths
      .flatMap(({ files }) => Object.keys(files))
      .filter((name) => name.startsWith('lib/'));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('lib/libc.so.6');
  });

  it('lets a program that is included by its path appear there', async () => {
    const closure = await read(findTool('jq') ?? '', { include: ['/bin/sh'] });
    expect(closure.binds).toEqual([
      { source: expect.stringMatching(/-sh\/bin\/sh$/), target: '/bin/sh', policy: 'where-absent' },
    ]);
  });

  it('lets data appear at its path, also beside a directory', async () => {
    const top = await temporaryDirectory();
    await writeTree(top, {
      'app/run': { executable: '#!/bin/sh\n' },
      'data/text': 'text',
      'data/b': { link: 'text' },
    });
    const data = join(top, 'data');
    for (const more of [{ app: findTool('jq') ?? '' }, { app: join(top, 'app'), entrypoint: 'run' }]) {
      const closure = await read(more.app, { ...more, include: [data] });
      const [bind] = closure.binds;
      expect(closure.binds).toEqual([{ source: bind?.source, target: data, policy: 'where-absent' }]);
      const holder = closure.paths.find(({ storePath }) => bind?.source.startsWith(`${storePath}/`));
      const inside = bind?.source.slice((holder?.storePath.length ?? 0) + 1);
      expect(holder?.files).toMatchObject({ [`${inside}/text`]: join(data, 'text') });
      expect(holder?.links).toMatchObject({ [`${inside}/b`]: 'text' });
    }
  });

  it('brings a library that the program opens by name, and a plugin with what it needs', async () => {
    const top = await temporaryDirectory();
    await mkdir(join(top, 'plugins'));
    const plugin = await compile(
      join(top, 'plugins'),
      'plugin.so',
      '#include <zlib.h>\nconst char *version(void) { return zlibVersion(); }',
      ['-shared', '-fPIC', '-lz'],
    );
    const app = await compile(
      top,
      'app',
      `#include <dlfcn.h>
      #include <stdio.h>
      int main(int argc, char **argv) {
        void *plugin = dlopen(argv[1], RTLD_NOW);
        const char *(*version)(void) = plugin ? dlsym(plugin, "version") : 0;
        printf("%s %s\\n", version ? version() : dlerror(), dlopen("libbz2.so.1.0", RTLD_NOW) ? "bz2" : dlerror());
        return argc - 2;
      }`,
    );
    const closure = await read(app, { include: [join(top, 'plugins'), 'libbz2.so.1.0'] });
    const result = await runInRoot(await placeClosure(closure), closure, [
      `${closure.binds[0]?.source}/plugin.so`,
    ]);
    expect(plugin).toBe(join(top, 'plugins/plugin.so'));
    expect(result.stdout).toMatch(/^1\.[\d.]+ bz2$/);
  });

  it.each([
    ['no-such-thing', 'there is no such file here, nor such a program on PATH'],
    ['/no/such', 'there is no such file, or it cannot be read'],
    ['libnosuch.so.7', 'ld.so would not find it'],
  ])('refuses %s', async (word, reason) => {
    await expect(read(findTool('jq') ?? '', { include: [word] })).rejects.toMatchObject({
      code: 'include-missing',
      message: `cannot include ${word}: ${reason}`,
    });
  });

  it.each(['/', '/usr/', '/proc'])('refuses all of %s', async (word) => {
    await expect(read(findTool('jq') ?? '', { include: [word] })).rejects.toMatchObject({
      code: 'include-too-wide',
    });
  });

  it('brings a library for its path and for the library that needs it', async () => {
    const top = await temporaryDirectory();
    const inside = join(top, 'private');
    await mkdir(inside);
    const inner = await compile(inside, 'libinner.so', 'int inner(void) { return 7; }', [
      '-shared',
      '-Wl,-soname,libinner.so',
    ]);
    const outer = await compile(top, 'libouter.so', 'int inner(void); int outer(void) { return inner(); }', [
      '-shared',
      '-fPIC',
      inner,
      `-Wl,-soname,libouter.so,-rpath,${inside}`,
    ]);
    const app = await compile(top, 'app', 'int outer(void); int main(void) { return outer(); }', [
      outer,
      `-Wl,-rpath,${top}`,
    ]);
    const closure = await read(app, { include: [inner] });
    expect((await runInRoot(await placeClosure(closure), closure)).exitCode).toBe(7);
  });

  it('leaves out, with a warning, what only some may read', async () => {
    const top = await temporaryDirectory();
    await writeTree(top, {
      'data/key': 'secret',
      'data/text': 'text',
      'app/run': { executable: '#!/bin/sh\n' },
    });
    await chmod(join(top, 'data/key'), 0o600);
    for (const request of [{ app: findTool('jq') ?? '' }, { app: join(top, 'app'), entrypoint: 'run' }]) {
      const context = testContext({ env });
      const asked = { args: [], env: {}, include: [join(top, 'data')], ...request };
      const closure = await readClosure(asked, await temporaryDirectory(), context);
      const files = closure.paths.flatMap((path) => Object.values(path.files));
      expect(files).toContain(join(top, 'data/text'));
      expect(files).not.toContain(join(top, 'data/key'));
      expect(context.events).toContainEqual(expect.objectContaining({ code: 'file-guarded' }));
    }
  });

  it('takes a script with what runs it', async () => {
    const top = await temporaryDirectory();
    await writeFile(join(top, 'hello'), '#!/bin/sh\necho hello from $0\n', { mode: 0o755 });
    const closure = await read(findTool('bash') ?? '', { include: [join(top, 'hello')] });
    const result = await runInRoot(await placeClosure(closure), closure, ['-c', 'hello'], settings(closure));
    expect(result.stdout).toMatch(/^hello from .*-hello\/bin\/hello$/);
  });
});
