import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import { execProcess } from '../../../src/core/exec.ts';
import { storePathName } from '../../../src/core/store-path.ts';
import type { Closure } from '../../../src/core/types.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

// Derivations that need nothing but the host's shell and compiler: no channel, no binary cache.
const expression = `
let
  build = name: script: inputs: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-eu" "-c" script ];
    PATH = "/usr/local/bin:/usr/bin:/bin";
  } // inputs);
  runner = build "saddlebag-test-runner-1.0" ''
    mkdir -p $out/bin
    printf '%s' "$source" > runner.c
    gcc -static -o $out/bin/node runner.c
  '' { source = "#include <stdio.h>\\nint main(int c, char **v) { for (int i = 1; i < c; i++) puts(v[i]); }"; };
  data = build "saddlebag-test-data" "echo data > $out" { };
in {
  inherit runner;
  app = build "saddlebag-test-app-0.3.0" ''
    mkdir -p $out/bin
    printf '#!%s/bin/node %s\\n' $runner $data > $out/bin/saddlebag-test-app
    chmod +x $out/bin/saddlebag-test-app
    ln -s saddlebag-test-app $out/bin/alias
    cp $out/bin/saddlebag-test-app $out/bin/.hidden-wrapped
    echo $out > $out/itself
  '' { inherit runner data; };
  tools = build "saddlebag-test-tools" ''
    mkdir -p $out/bin
    cp $runner/bin/node $out/bin/one
    cp $runner/bin/node $out/bin/two
    touch $out/bin/readme
  '' { inherit runner; };
  environment = build "user-environment" ''
    mkdir $out
    ln -s $app/bin $out/bin
  '' { app = build "saddlebag-test-linked-1.0" "mkdir -p $out/bin; cp $runner/bin/node $out/bin/linked" { inherit runner; }; };
}`;

const names = ['runner', 'app', 'tools', 'environment'] as const;
const env = { PATH: process.env.PATH };

async function read(app: string, more: Partial<ClosureRequest> = {}): Promise<Closure> {
  return readClosure({ app, args: [], env: {}, ...more }, await temporaryDirectory(), testContext({ env }));
}

describeWith([...rootTools, 'nix-build', 'nix-store', 'gcc'], 'the closure of a Nix build', () => {
  const built: Partial<Record<(typeof names)[number], string>> = {};
  const pathOf = (name: (typeof names)[number]) => built[name] ?? '';

  beforeAll(async () => {
    const attributes = names.flatMap((name) => ['-A', name]);
    const options = ['--no-out-link', '--option', 'sandbox', 'false'];
    const { stdout, stderr, exitCode } = await execProcess('nix-build', [
      ...[...options, '--expr', expression, ...attributes],
    ]);
    expect(exitCode, stderr).toBe(0);
    for (const [index, path] of stdout.split('\n').entries()) built[names[index] ?? 'app'] = path;
  });

  afterAll(async () => {
    const all = Object.values(built);
    if (all.length === 0) return;
    const query = async (...args: string[]) =>
      (await execProcess('nix-store', ['--query', ...args])).stdout.split('\n');
    const derivations = await query('--deriver', ...all);
    const paths = await query('--requisites', '--include-outputs', ...derivations);
    await execProcess('nix-store', ['--delete', '--ignore-liveness', ...paths]);
  });

  it('lists it with references, dependencies first and the app last', async () => {
    const closure = await read(pathOf('app'));
    expect(closure).toMatchObject({
      source: 'nix',
      name: 'saddlebag-test-app',
      appVersion: '0.3.0',
      ownLoader: false,
      entrypoint: { program: `${pathOf('app')}/bin/saddlebag-test-app`, interpreter: 'node' },
    });
    expect(closure.paths.map(({ storePath }) => storePathName(storePath))).toEqual([
      'saddlebag-test-data',
      'saddlebag-test-runner-1.0',
      'saddlebag-test-app-0.3.0',
    ]);
    const [data, runner, app] = closure.paths;
    expect(app).toMatchObject({ directory: app?.storePath, files: {} });
    // It names itself too, which is no reference.
    expect(app?.references.toSorted()).toEqual([data?.storePath, runner?.storePath].toSorted());
  });

  it('runs where nothing else is', async () => {
    const closure = await read(pathOf('app'), { args: ['fixed'] });
    const { stdout } = await runInRoot(await placeClosure(closure), closure, ['given']);
    const [data, script, ...args] = stdout.split('\n');
    expect(data).toMatch(/-saddlebag-test-data$/);
    expect([script, ...args]).toEqual([closure.entrypoint.program, 'fixed', 'given']);
  });

  it('takes a result link, a program behind it, and a name on PATH', async () => {
    const directory = await temporaryDirectory();
    const result = join(directory, 'result');
    await symlink(pathOf('app'), result);
    const program = async (app: string) => (await read(app)).entrypoint.program;
    expect(await program(result)).toBe(`${pathOf('app')}/bin/saddlebag-test-app`);
    expect(await program(`nix:${result}/bin/alias`)).toBe(`${pathOf('app')}/bin/alias`);
    const onPath = testContext({ env: { PATH: `${result}/bin:${env.PATH}` } });
    const closure = await readClosure({ app: 'alias', args: [], env: {} }, directory, onPath);
    // What it is called tells the program of many names which one it is.
    expect(closure.entrypoint).toMatchObject({ program: `${pathOf('app')}/bin/alias`, ownName: true });
    expect(onPath.events).toContainEqual({
      kind: 'step',
      stage: 'closure',
      message: `reading ${pathOf('app')} as a Nix closure, entrypoint bin/alias`,
    });
  });

  it('goes through a user environment to the package that it links', async () => {
    const closure = await read(`${pathOf('environment')}/bin/linked`);
    expect(closure.name).toBe('saddlebag-test-linked');
    expect(closure.paths).toHaveLength(1);
  });

  it('takes the entrypoint that is asked for, and lists what there is where none is clear', async () => {
    const tools = pathOf('tools');
    expect((await read(tools, { entrypoint: 'two' })).entrypoint.program).toBe(`${tools}/bin/two`);
    expect((await read(tools, { entrypoint: 'bin/one' })).entrypoint.program).toBe(`${tools}/bin/one`);
    await expect(read(tools)).rejects.toMatchObject({
      code: 'entrypoint-ambiguous',
      message: `cannot bundle ${tools}: it has several programs`,
      hint: 'choose one with --entrypoint: bin/one, bin/two',
      exitCode: 2,
    });
    await expect(read(tools, { entrypoint: 'three' })).rejects.toMatchObject({
      code: 'entrypoint-missing',
      message: `cannot bundle ${tools}: it has no program three`,
      hint: 'it has bin/one, bin/two',
    });
    await expect(read(`${tools}/bin/readme`)).rejects.toMatchObject({ code: 'not-executable' });
  });

  it('gives a script outside the store the interpreter that Nix built', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'bin'));
    const file = join(directory, 'bin/greet');
    await writeFile(file, `#!${pathOf('runner')}/bin/node\n`, { mode: 0o755 });
    const closure = await read(file);
    expect(closure.source).toBe('program');
    expect(closure.paths[0]?.storePath).toBe(pathOf('runner'));
    const { stdout } = await runInRoot(await placeClosure(closure), closure, ['hello']);
    expect(stdout).toBe(`${closure.entrypoint.program}\nhello`);
  });

  it('says so when nix-store is not there', async () => {
    const context = testContext({ env: { PATH: await temporaryDirectory() } });
    const request = { app: pathOf('app'), args: [], env: {} };
    await expect(readClosure(request, await temporaryDirectory(), context)).rejects.toMatchObject({
      code: 'nix-missing',
      message: `cannot read the closure of ${pathOf('app')}: nix-store is not on PATH`,
    });
  });
});
