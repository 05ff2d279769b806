import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNodeProject } from '../../../bundler/closure/node/manifest.ts';
import { chooseStart } from '../../../bundler/closure/node/start.ts';
import { chooseProject } from '../../../bundler/closure/project/kinds.ts';
import { hideCredentials } from '../../../bundler/closure/project/tool.ts';
import { chooseCommand } from '../../../bundler/closure/python/choose.ts';
import { type Command, parseReference, renderCommand } from '../../../bundler/closure/python/commands.ts';
import { installHint } from '../../../bundler/closure/python/hints.ts';
import { readPythonProject } from '../../../bundler/closure/python/manifest.ts';
import { type Member, writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

async function tree(members: Readonly<Record<string, Member>>): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(directory, members);
  return directory;
}

describe('readPythonProject', () => {
  it.each<[string, Record<string, string>, object]>([
    ['uv.lock', { 'uv.lock': '' }, { kind: 'uv-lock' }],
    ['poetry.lock', { 'poetry.lock': '' }, { kind: 'poetry-lock' }],
    [
      'the lock of the tool that pyproject.toml is for',
      { 'uv.lock': '', 'poetry.lock': '', 'pyproject.toml': '[tool.poetry]\nname = "app"\n' },
      { kind: 'poetry-lock' },
    ],
    [
      'the other where it is for none',
      { 'uv.lock': '', 'poetry.lock': '', 'pyproject.toml': '[project]\nname = "app"\n' },
      { kind: 'uv-lock' },
    ],
    [
      'pins',
      { 'requirements.txt': '# all\na==1 ; python_version > "3"\nb @ file:x.whl\n--pre\n' },
      { pinned: true, hashed: false },
    ],
    [
      'hashes over several lines',
      { 'requirements.txt': 'a==1 \\\n  --hash=sha256:0\n' },
      { pinned: true, hashed: true },
    ],
    ['an open version', { 'requirements.txt': 'a==1\nb>=2\n' }, { pinned: false }],
    ['a bare name', { 'requirements.txt': 'a\n' }, { pinned: false }],
    [
      'what is declared',
      { 'pyproject.toml': '[project]\nname = "app"\ndependencies = ["a>1"]\n' },
      { kind: 'declared', requirements: ['a>1'] },
    ],
  ])('finds %s', async (_, files, expected) => {
    expect((await readPythonProject(await tree(files))).dependencies).toMatchObject(expected);
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['a build system', { 'pyproject.toml': '[build-system]\nrequires = []\n' }, true],
    ['setup.py', { 'setup.py': '' }, true],
    ['no build system', { 'pyproject.toml': '[project]\nname = "app"\n' }, false],
    [
      "Poetry's refusal",
      { 'pyproject.toml': '[build-system]\n[tool.poetry]\npackage-mode = false\n' },
      false,
    ],
    ["uv's refusal", { 'pyproject.toml': '[build-system]\n[tool.uv]\npackage = false\n' }, false],
    ["uv's wish", { 'pyproject.toml': '[tool.uv]\npackage = true\n' }, true],
  ])('decides by %s whether it is installed', async (_, files, isPackage) => {
    expect(await readPythonProject(await tree(files))).toMatchObject({ isPackage });
  });

  it('reads the name of a wheel', async () => {
    expect(await readPythonProject('/srv/my_app-1.0-1-py3-none-any.whl')).toMatchObject({
      name: 'my-app',
      version: '1.0',
    });
    await expect(readPythonProject('/srv/app.whl')).rejects.toMatchObject({ code: 'project-invalid' });
  });

  it('says where a pyproject.toml is wrong', async () => {
    const directory = await tree({ 'pyproject.toml': '[project]\nname = "x"\n[tool\n' });
    await expect(readPythonProject(directory)).rejects.toMatchObject({
      code: 'project-invalid',
      message: expect.stringMatching(/^cannot read .*pyproject\.toml: .* \(line 3, column \d+\)$/),
    });
  });
});

describe('chooseCommand', () => {
  const call: Command = { kind: 'function', module: 'm', function: 'f' };
  const commands = (...names: string[]) => new Map(names.map((name) => [name, call]));

  async function choose(own: readonly string[], entrypoint?: string, files: Record<string, string> = {}) {
    const directory = await tree({ 'pyproject.toml': '[project]\nname = "My_App"\n', ...files });
    const project = await readPythonProject(directory);
    const others = commands('gunicorn');
    return chooseCommand({ project, name: 'app', entrypoint, own: commands(...own), others });
  }

  it.each<[string, readonly string[], string | undefined, Record<string, string>, object]>([
    ['the only one', ['one'], undefined, {}, { name: 'one' }],
    ['the one that is called as the project', ['my-app', 'other'], undefined, {}, { name: 'my-app' }],
    ['one of a dependency', [], 'gunicorn', {}, { name: 'gunicorn' }],
    [
      'a file',
      [],
      'bin/app.py',
      { 'bin/app.py': '' },
      { name: 'app', command: { kind: 'file', path: 'src/bin/app.py' } },
    ],
    ['main.py', [], undefined, { 'main.py': '' }, { command: { kind: 'file', path: 'src/main.py' } }],
    ['a function', [], 'a.b:c.d', {}, { command: { kind: 'function', module: 'a.b', function: 'c.d' } }],
    ['Python', [], 'python', {}, { name: 'python', command: { kind: 'python' } }],
  ])('takes %s', async (_, own, entrypoint, files, expected) => {
    expect(await choose(own, entrypoint, files)).toMatchObject(expected);
  });

  it('refuses what is not there, what leads out and what is one of several', async () => {
    await expect(choose([], 'celery')).rejects.toMatchObject({ code: 'entrypoint-missing' });
    await expect(choose([], '../../../etc/passwd')).rejects.toMatchObject({ code: 'entrypoint-missing' });
    await expect(choose(['a', 'b'])).rejects.toMatchObject({ code: 'entrypoint-ambiguous' });
    await expect(choose([])).rejects.toMatchObject({ code: 'entrypoint-required' });
  });
});

describe('renderCommand', () => {
  it('replaces the first line of a script, also where pip went through the shell', () => {
    const self = '/nix/store/x-app';
    for (const start of [
      '#!/tmp/env/bin/python3 -x\n',
      "#!/bin/sh\n'''exec' \"/tmp/long path/python\" \"$0\" \"$@\"\n' '''\n",
    ]) {
      const content = Buffer.from(`${start}print('é')\n`);
      expect(renderCommand({ kind: 'script', content }, self).toString()).toBe(
        `#!${self}/bin/python3\nprint('é')\n`,
      );
    }
  });

  it('takes no reference apart that could be code', () => {
    expect(parseReference('m:f')).toMatchObject({ module: 'm', function: 'f' });
    for (const text of ['m', 'm:f()', "m';import os:f", 'm:f;g', '1m:f', ''])
      expect(parseReference(text)).toBeNull();
  });
});

describe('chooseStart', () => {
  async function start(document: object, files: readonly string[], entrypoint?: string) {
    const members = Object.fromEntries(files.map((file) => [file, '']));
    const project = await readNodeProject(
      await tree({ 'package.json': JSON.stringify(document), ...members }),
    );
    return chooseStart(project, { entrypoint, dependencies: new Set(['next']) });
  }
  const script = (text: string) => ({ scripts: { start: text } });

  it.each<[string, object, readonly string[], string | undefined, object]>([
    ['its command', { name: '@me/app', bin: 'cli.js' }, [], undefined, { kind: 'bin', name: 'app' }],
    [
      'the command of its name',
      { name: 'app', bin: { app: 'a', b: 'b' } },
      [],
      undefined,
      { kind: 'bin', name: 'app' },
    ],
    ['its start', script('node .'), ['index.js'], undefined, { kind: 'file', file: 'index.js' }],
    [
      'its start with settings',
      script('A=1 B=x node --inspect=0 ./lib/a --port 1'),
      ['lib/a.js'],
      undefined,
      { file: 'lib/a.js', options: ['--inspect=0'], args: ['--port', '1'], env: { A: '1', B: 'x' } },
    ],
    ['its main', { main: 'lib/a.js' }, ['lib/a.js'], undefined, { kind: 'file', file: 'lib/a.js' }],
    ['server.js', {}, ['server.js'], undefined, { kind: 'file', file: 'server.js' }],
    ['a file', { bin: 'cli.js' }, ['other.js'], './other.js', { kind: 'file', file: 'other.js' }],
    ['a command of a dependency', {}, [], 'next', { kind: 'dependency', name: 'next' }],
  ])('takes %s', async (_, document, files, entrypoint, expected) => {
    expect(await start(document, files, entrypoint)).toMatchObject(expected);
  });

  it.each([
    'next start',
    'node a.js && node b.js',
    'node -r dotenv/config a.js',
    'node $FILE',
    'node ../a.js',
    'node',
  ])('does not guess what %s starts', async (text) => {
    await expect(start(script(text), ['a.js', 'b.js'])).rejects.toMatchObject({
      code: 'entrypoint-required',
    });
  });
});

describe('chooseProject', () => {
  it('takes a directory by its files, unless the entrypoint is one of them', async () => {
    const directory = await tree({ 'package.json': '{}', 'bin/app': '' });
    expect(await chooseProject(directory, {})).toBe('node');
    expect(await chooseProject(directory, { entrypoint: 'bin/app' })).toBeNull();
    expect(await chooseProject(directory, { entrypoint: 'app' })).toBe('node');
    expect(await chooseProject(directory, { entrypoint: 'bin/app', project: 'node' })).toBe('node');
    expect(await chooseProject('/srv/app-1-py3-none-any.whl', {})).toBe('python');
    expect(await chooseProject(await tree({ a: '' }), {})).toBeNull();
    await expect(chooseProject(directory, { project: 'python' })).rejects.toMatchObject({
      code: 'project-missing',
    });
  });
});

describe('the entrypoint of a project', () => {
  it('keeps it a project where that file needs the language, or what is not installed', async () => {
    const depends = { 'package.json': '{"dependencies": {"is-odd": "3"}}' };
    const script = { 'cli.js': '#!/usr/bin/env node\n' };
    const installed = { 'node_modules/is-odd/index.js': '' };
    const [bare, whole, plain] = await Promise.all([
      tree({ ...depends, ...script }),
      tree({ ...depends, ...script, ...installed }),
      tree({ ...depends, ...installed, 'server.mjs': '' }),
    ]);
    expect(await chooseProject(bare, { entrypoint: 'cli.js' })).toBe('node');
    expect(await chooseProject(whole, { entrypoint: 'cli.js' })).toBeNull();
    expect(await chooseProject(plain, { entrypoint: 'server.mjs' })).toBe('node');
    const python = await tree({
      'requirements.txt': '',
      'app.py': '#!/usr/bin/env python3\n',
      'bin/app': '',
    });
    expect(await chooseProject(python, { entrypoint: 'app.py' })).toBe('python');
    expect(await chooseProject(python, { entrypoint: 'bin/app' })).toBeNull();
    expect(await chooseProject(python, { entrypoint: 'cli.js' })).toBe('python');
  });
});

describe('a member of a workspace', () => {
  it('is refused alone, since npm would take its siblings from the registry', async () => {
    const member = { 'packages/app/package.json': '{"name": "@x/app", "dependencies": {"lib": "1"}}' };
    const top = await tree({
      ...member,
      'package.json': '{"workspaces": ["./packages/*/", "!packages/old"]}',
    });
    await expect(readNodeProject(join(top, 'packages/app'))).rejects.toMatchObject({
      code: 'dependency-outside',
      message: expect.stringContaining(`it is a member of the workspace ${top}`),
      hint: expect.stringContaining(`saddlebag bundle ${top} --node --entrypoint app`),
    });
    for (const workspaces of ['["tools/*"]', '{"packages": ["packages/*", "!packages/app"]}', 'null']) {
      const other = await tree({ ...member, 'package.json': `{"workspaces": ${workspaces}}` });
      expect((await readNodeProject(join(other, 'packages/app'))).hasDependencies).toBe(true);
    }
    const locked = await tree({
      ...member,
      'package.json': '{"workspaces": {"packages": ["packages/*"]}}',
      'packages/app/package-lock.json': '{}',
    });
    expect((await readNodeProject(join(locked, 'packages/app'))).lock).toBe('package-lock.json');
  });
});

describe('what tools write', () => {
  it('is shown without user names and passwords of URLs', () => {
    expect(hideCredentials('Looking in https://me:pa%40ss@pypi.example/simple, git+ssh://git@host/x')).toBe(
      'Looking in https://***@pypi.example/simple, git+ssh://***@host/x',
    );
  });

  it.each([
    ["error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", /compiler/],
    ['src/a.c:1:10: fatal error: Python.h: No such file or directory', /python3-dev/],
    ['ERROR: other-1-cp27-cp27m-win32.whl is not a supported wheel on this platform.', /another Python/],
    ['ERROR: HTTP error 401 while getting https://***@pypi.example/', /credentials/],
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', /lock anew/],
    ['Temporary failure in name resolution', /network/],
    ['ERROR: No matching distribution found for nowhere==1', /check the name/],
  ])('leads to a hint: %s', (output, hint) => {
    expect(installHint(output)).toMatch(hint);
  });
});
