import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import { execProcess } from '../../../src/core/exec.ts';
import type { ReportEvent } from '../../../src/core/reporter.ts';
import type { Closure } from '../../../src/core/types.ts';
import { type Member, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

const tools = ['node', 'npm'] as const;
const env = { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_offline: 'true' };

interface Reading {
  readonly closure: Closure;
  readonly events: readonly ReportEvent[];
  readonly workDirectory: string;
}

async function read(app: string, more: Partial<ClosureRequest> = {}): Promise<Reading> {
  const context = testContext({ env });
  const workDirectory = await temporaryDirectory();
  const closure = await readClosure({ app, args: [], env: {}, ...more }, workDirectory, context);
  return { closure, events: context.events, workDirectory };
}

async function run(closure: Closure, args: readonly string[] = []): Promise<string> {
  const { stdout, stderr } = await runInRoot(await placeClosure(closure), closure, args);
  expect(stderr).toBe('');
  return stdout;
}

async function npm(directory: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await execProcess('npm', args, { cwd: directory, env });
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

async function project(document: object, members: Readonly<Record<string, Member>> = {}): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(directory, { 'package.json': JSON.stringify(document), ...members });
  return directory;
}

/** A project with a packed dependency, which has an addon that no Node could load and a command, and a lock. */
async function projectWithDependency(document: object, members: Record<string, Member>): Promise<string> {
  const words = await project(
    { name: 'words', version: '2.1.0', main: 'words.js', bin: { spell: 'spell.js' } },
    {
      'words.js': 'exports.word = () => "moin";',
      'spell.js': '#!/usr/bin/env node\nconsole.log([...require("./words.js").word()].join(" "));\n',
    },
  );
  const directory = await project({ dependencies: { words: 'file:words-2.1.0.tgz' }, ...document }, members);
  await npm(words, 'pack', '--pack-destination', directory);
  await npm(directory, 'install', '--package-lock-only');
  return directory;
}

describeWith([...rootTools, ...tools], 'the closure of a Node project', () => {
  it('holds the project, what it depends on and Node', async () => {
    const directory = await projectWithDependency(
      { name: '@me/greet', version: '1.0.0', bin: './bin/greet.js', devDependencies: {} },
      {
        'bin/greet.js':
          '#!/usr/bin/env node\nconsole.log(require("words").word(), require.main === module, ...process.argv.slice(2));\n' +
          'console.log(require("child_process").execFileSync(process.execPath, ["-p", "6*7"]).toString().trim());\n',
        '.npmrc': '//registry.example.org/:_authToken=sesame',
      },
    );
    const { closure, events, workDirectory } = await read(directory);
    expect(events.filter(({ kind }) => kind === 'warning')).toEqual([
      expect.objectContaining({ code: 'secrets-left-out' }),
    ]);
    expect(closure).toMatchObject({ source: 'node', name: 'greet', appVersion: '1.0.0' });
    expect(closure.paths.map(({ storePath }) => storePath.slice(44))).toEqual([
      'locales',
      'node-libs',
      'node',
      'greet-modules',
      'greet-1.0.0',
    ]);
    expect(await run(closure, ['you'])).toBe('moin true you\n42');
    await expectClean(closure, workDirectory);
    expect((await readdir(directory)).includes('node_modules')).toBe(false);

    await writeFile(join(directory, 'bin/greet.js'), '#!/usr/bin/env node\n');
    const changed = await read(directory);
    const before = closure.paths.map(({ storePath }) => storePath);
    const after = changed.closure.paths.map(({ storePath }) => storePath);
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.at(-1)).not.toBe(before.at(-1));

    const { closure: spell } = await read(directory, {
      entrypoint: 'spell',
      project: { kind: 'node', interpreter: null },
    });
    expect(await run(spell)).toBe('m o i n');
  });

  it('starts what npm start does', async () => {
    const directory = await project(
      { name: 'web', scripts: { start: 'MODE=web node --no-warnings src/web one' } },
      {
        'src/web.js':
          'console.log(process.env.MODE, process.env.NODE_ENV, process.execArgv, process.argv.slice(2));',
      },
    );
    const { closure } = await read(directory);
    const settings = Object.fromEntries(closure.entrypoint.env.map(({ name, value }) => [name, value]));
    expect(settings).toMatchObject({ MODE: 'web', NODE_ENV: 'production' });
    expect(await run(closure, ['two'])).toBe("undefined undefined [ '--no-warnings' ] [ 'one', 'two' ]");
  });

  it('keeps the modules of a workspace with the project that they are links to', async () => {
    const directory = await project(
      { name: 'all', version: '1.0.0', main: 'main.mjs', workspaces: ['part'] },
      {
        'main.mjs': 'import { text } from "part";\nconsole.log(text);\n',
        'part/package.json': JSON.stringify({
          name: 'part',
          version: '1.0.0',
          type: 'module',
          main: 'part.js',
        }),
        'part/part.js': 'export const text = "part";\n',
      },
    );
    await npm(directory, 'install', '--package-lock-only');
    const { closure } = await read(directory);
    expect(closure.paths.at(-2)?.storePath).toMatch(/-node$/);
    expect(await run(closure)).toBe('part');
  });
});

describeWith(tools, 'a Node project that cannot be bundled', () => {
  it('says that its lock is out of date', async () => {
    const directory = await projectWithDependency({ name: 'app', main: 'main.js' }, { 'main.js': '' });
    const more = 'file:words-2.1.0.tgz';
    const document = { name: 'app', main: 'main.js', dependencies: { words: more, more } };
    await writeFile(join(directory, 'package.json'), JSON.stringify(document));
    await expect(read(directory)).rejects.toMatchObject({
      code: 'lock-outdated',
      hint: 'bring the lock up to date: npm install --package-lock-only',
    });
  });

  it('says which Node it asks for', async () => {
    const document = { name: 'app', main: 'main.js', engines: { node: '>=99' } };
    const directory = await projectWithDependency(document, { 'main.js': '' });
    await expect(read(directory)).rejects.toMatchObject({
      code: 'interpreter-unfit',
      message: expect.stringContaining('{"node":">=99"}'),
    });
    await expect(read(await project(document, { 'main.js': '' }))).rejects.toMatchObject({
      code: 'interpreter-unfit',
    });
  });

  it.each([
    ['a lock that npm does not read', { name: 'app' }, { 'yarn.lock': '' }, 'lock-unsupported'],
    ['a command that was not built', { name: 'app', bin: 'dist/app.js' }, {}, 'entrypoint-missing'],
    ['a main that was not built', { name: 'app', main: 'dist/app.js' }, {}, 'entrypoint-required'],
    ['nothing to start', { name: 'app' }, {}, 'entrypoint-required'],
    ['a name that every object has', { name: 'constructor' }, {}, 'entrypoint-required'],
    ['several commands', { name: 'app', bin: { one: 'a.js', two: 'b.js' } }, {}, 'entrypoint-ambiguous'],
    [
      'a start through a shell',
      { name: 'app', scripts: { start: 'tsc && node a.js' } },
      { 'a.js': '' },
      'entrypoint-required',
    ],
    ['a dependency beside it', { name: 'app', dependencies: { b: 'file:../b' } }, {}, 'dependency-outside'],
    ['a package.json that is no object', [], {}, 'project-invalid'],
  ])('says so of %s', async (_, document, members: Record<string, Member>, code) => {
    await expect(read(await project(document, members))).rejects.toMatchObject({ code });
  });
});

async function expectClean({ paths }: Closure, workDirectory: string): Promise<void> {
  const names: string[] = [];
  for (const { directory, files } of paths) {
    const own = directory === null ? [] : await readdir(directory, { recursive: true, withFileTypes: true });
    const all = own.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    names.push(...all);
    for (const file of [...all, ...Object.values(files)]) {
      expect((await readFile(file)).includes(workDirectory), file).toBe(false);
    }
  }
  expect(names.filter((name) => /\/\.(npmrc|package-lock\.json)$/.test(name))).toEqual([]);
}
