import { appendFile, chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readClosure } from '../../../bundler/closure/closure.ts';
import { execProcess } from '../../../src/core/exec.ts';
import type { Closure } from '../../../src/core/types.ts';
import { compile } from '../../helpers/compile.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { env, read } from './read-program.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

const library = 'int answer(void) { return 42; }';

const caller =
  '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%d\\n", answer()); return 0; }';

const programs: readonly (readonly [string, readonly string[], string])[] = [
  ['git', ['--version'], 'git version'],
  ['bash', ['-c', 'echo $((6 * 7))'], '42'],
  ['curl', ['--version'], 'curl'],
  ['perl', ['-e', 'print 6 * 7'], '42'],
  ['node', ['-p', '[process.execPath, 6 * 7].join(" ")'], '-node/bin/node 42'],
];

for (const [name, args, expected] of programs) {
  describeWith([...rootTools, name], `the closure of ${name}`, () => {
    it('runs where nothing else is', async () => {
      const closure = await read(findTool(name) ?? name);
      expect(closure).toMatchObject({ source: 'program', name, appVersion: '', ownLoader: true });
      const result = await runInRoot(await placeClosure(closure), closure, args);
      expect(result.stderr).toBe('');
      expect(result.stdout).toContain(expected);
    });
  });
}

describeWith([...rootTools, 'file'], 'the closure of a program that is linked with libmagic', () => {
  it('holds its data, and says where', async () => {
    const closure = await read(findTool('file') ?? '');
    const env = Object.fromEntries(closure.entrypoint.env.map(({ name, value }) => [name, value]));
    const { program } = closure.entrypoint;
    const result = await runInRoot(await placeClosure(closure), closure, ['-bL', program], env);
    expect(result.stdout).toMatch(/^ELF (32|64)-bit /);
  });
});

describeWith([...rootTools, 'gcc'], 'the closure of a compiled program', () => {
  it('brings a library that only a RUNPATH relative to the program names', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'lib'));
    await compile(join(directory, 'lib'), 'libanswer.so', library, ['-shared', '-fPIC']);
    const app = await compile(directory, 'app', caller, [
      `-L${directory}/lib`,
      '-lanswer',
      '-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib',
    ]);
    const closure = await read(app);
    const result = await runInRoot(await placeClosure(closure), closure);
    expect(result).toMatchObject({ exitCode: 0, stdout: '42' });
    const [libs, own] = closure.paths;
    expect(Object.keys(libs?.files ?? {})).toContain('lib/libanswer.so');
    expect(own?.references).toEqual([libs?.storePath]);
  });

  it('edits a library whose own RUNPATH would lead back to the host', async () => {
    const directory = await temporaryDirectory();
    await compile(directory, 'libanswer.so', library, ['-shared', '-fPIC']);
    const middle = 'int answer(void);\nint twice(void) { return 2 * answer(); }';
    await compile(directory, 'libtwice.so', middle, [
      '-shared',
      '-fPIC',
      `-L${directory}`,
      '-lanswer',
      `-Wl,--enable-new-dtags,-rpath,${directory}`,
    ]);
    const app = await compile(directory, 'app', caller.replaceAll('answer', 'twice'), [
      `-L${directory}`,
      '-ltwice',
      `-Wl,-rpath-link,${directory},--enable-new-dtags,-rpath,${directory}`,
    ]);
    const closure = await read(app);
    expect(await runInRoot(await placeClosure(closure), closure)).toMatchObject({
      exitCode: 0,
      stdout: '84',
    });
  });

  it('opens what it dlopens by name beside its libraries, and knows its own path', async () => {
    const directory = await temporaryDirectory();
    const source = `#include <dlfcn.h>
      #include <stdio.h>
      #include <unistd.h>
      int main(void) {
        char self[4096] = "";
        if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) self[0] = 0;
        printf("%s %s\\n", dlopen("libgcc_s.so.1", RTLD_NOW) ? "opened" : dlerror(), self);
        return 0;
      }`;
    const closure = await read(await compile(directory, 'opener', source));
    const result = await runInRoot(await placeClosure(closure), closure);
    expect(result.stdout).toBe(`opened ${closure.entrypoint.program}`);
  });

  it('loads nothing that the host has and the bundle has not', async () => {
    const directory = await temporaryDirectory();
    const source = `#include <dlfcn.h>
      #include <stdio.h>
      int main(void) { puts(dlopen("libanswer.so", RTLD_NOW) ? "the host's" : "none"); return 0; }`;
    const closure = await read(await compile(directory, 'opener', source));
    const root = await placeClosure(closure);
    const theirs =
      '#include <unistd.h>\n__attribute__((constructor)) static void load(void) { write(1, "loaded\\n", 7); }';
    for (const host of [
      'lib',
      'usr/lib',
      'lib/x86_64-linux-gnu',
      'usr/lib/x86_64-linux-gnu',
      'lib64',
      'etc',
    ]) {
      await mkdir(join(root, host), { recursive: true });
      await compile(join(root, host), 'libanswer.so', theirs, ['-shared', '-fPIC']);
    }
    await writeFile(join(root, 'etc/ld.so.preload'), '/lib/libanswer.so\n');
    expect(await runInRoot(root, closure)).toMatchObject({ exitCode: 0, stdout: 'none', stderr: '' });
  });

  it('warns of a program with rights of its own', async () => {
    const directory = await temporaryDirectory();
    const file = await compile(directory, 'su', 'int main(void) { return 0; }');
    await chmod(file, 0o4755);
    const context = testContext({ env });
    await readClosure({ app: file, args: [], env: {} }, directory, context);
    expect(context.events).toContainEqual(
      expect.objectContaining({
        code: 'privilege-dropped',
        message: `${file} is set-user-id or set-group-id; in a bundle it has the rights of its caller`,
      }),
    );
  });

  it('takes a program at a fixed address and one without section headers', async () => {
    const directory = await temporaryDirectory();
    const source =
      '#include <stdio.h>\nstatic char zeros[100000];\nint main(void) { puts("fixed"); return zeros[99999]; }';
    const app = await compile(directory, 'fixed', source, ['-no-pie', '-s']);
    const closure = await read(app);
    expect(await runInRoot(await placeClosure(closure), closure)).toMatchObject({
      exitCode: 0,
      stdout: 'fixed',
    });
  });

  it('takes a static program as it is', async () => {
    const directory = await temporaryDirectory();
    const app = await compile(
      directory,
      'still',
      '#include <stdio.h>\nint main(void) { puts("still"); return 7; }',
      ['-static'],
    );
    const closure = await read(app);
    expect(closure.ownLoader).toBe(false);
    expect(closure.paths.map(({ files }) => files)).toEqual([{ 'bin/still': app }]);
    expect(await runInRoot(await placeClosure(closure), closure)).toMatchObject({
      exitCode: 7,
      stdout: 'still',
    });
  });

  it('runs, with a warning, a program with bytes behind it', async () => {
    const directory = await temporaryDirectory();
    const file = await compile(directory, 'packed', 'int main(void) { return 5; }');
    await appendFile(file, 'payload');
    const context = testContext({ env });
    const closure = await readClosure({ app: file, args: [], env: {} }, directory, context);
    expect(await runInRoot(await placeClosure(closure), closure)).toMatchObject({ exitCode: 5 });
    expect(context.events).toContainEqual(
      expect.objectContaining({
        kind: 'warning',
        code: 'appended-data',
        message: expect.stringContaining(`${file} has 7 bytes behind its program`),
      }),
    );
  });

  it('refuses what PyInstaller packed, in a section of its own as it does', async () => {
    const directory = await temporaryDirectory();
    const app = await compile(directory, 'app', 'int main(void) { return 0; }');
    const cookie = join(directory, 'cookie');
    await writeFile(cookie, Buffer.concat([Buffer.alloc(1000), Buffer.from('MEI\x0c\x0b\x0a\x0b\x0e rest')]));
    await execProcess('objcopy', ['--add-section', `pydata=${cookie}`, app]);
    await expect(read(app)).rejects.toMatchObject({
      code: 'elf-unsupported',
      message: expect.stringContaining(`cannot bundle ${app}: PyInstaller packed it`),
      hint: expect.stringContaining('--python --entrypoint app.py'),
    });
  });

  it('names a missing library and who needs it', async () => {
    const directory = await temporaryDirectory();
    await compile(directory, 'libgone.so', library, ['-shared', '-fPIC']);
    const app = await compile(directory, 'app', caller, [`-L${directory}`, '-lgone']);
    await expect(read(app)).rejects.toMatchObject({
      code: 'library-missing',
      message: `cannot bundle ${app}: libgone.so is missing, needed by ${app}`,
    });
  });

  it('names a missing loader', async () => {
    const directory = await temporaryDirectory();
    const app = await compile(directory, 'app', 'int main(void) { return 0; }', ['-Wl,-I,/absent/ld.so']);
    await expect(read(app)).rejects.toMatchObject({
      code: 'interpreter-missing',
      message: `cannot bundle ${app}: its dynamic loader /absent/ld.so does not exist`,
    });
  });

  it('refuses a library as a program', async () => {
    const directory = await temporaryDirectory();
    const file = await compile(
      directory,
      'libanswer.so',
      `#include <stdio.h>\nint f(void) { return puts(""); }`,
      ['-shared', '-fPIC'],
    );
    await expect(read(file)).rejects.toMatchObject({
      code: 'not-executable',
      message: `cannot bundle ${file}: it is a library, not a program`,
    });
  });

  it('gives the same store paths whatever the file is called, owned and dated by', async () => {
    const directory = await temporaryDirectory();
    const app = await compile(directory, 'app', 'int main(void) { return 0; }');
    await mkdir(join(directory, 'other'), { mode: 0o700 });
    await copyFile(app, join(directory, 'other/app'));
    await chmod(join(directory, 'other/app'), 0o700);
    const paths = ({ paths }: Closure) => paths.map(({ storePath }) => storePath);
    expect(paths(await read(join(directory, 'other/app')))).toEqual(paths(await read(app)));
  });
});

describeWith([...rootTools, 'musl-gcc'], 'the closure of a program of musl', () => {
  it('runs with musl’s loader, which is its C library', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'small');
    await writeFile(`${file}.c`, '#include <stdio.h>\nint main(void) { puts("small"); return 3; }');
    // Without a build id it has no note, and gives up its PT_GNU_RELRO.
    await execProcess('musl-gcc', ['-o', file, `${file}.c`, '-Wl,--build-id=none,-z,relro']);
    const closure = await read(file);
    expect(closure.ownLoader).toBe(true);
    expect(Object.keys(closure.paths[0]?.files ?? {})).toEqual(['lib/ld-musl-x86_64.so.1']);
    expect(await runInRoot(await placeClosure(closure), closure)).toMatchObject({
      exitCode: 3,
      stdout: 'small',
    });
  });
});
