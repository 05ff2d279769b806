import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import type { ReportEvent } from '../../../src/core/reporter.ts';
import type { Closure } from '../../../src/core/types.ts';
import { type Member, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { offlineBackend, writeWheel } from '../../helpers/wheels.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

const tools = ['python3', 'pip'] as const;

interface Reading {
  readonly closure: Closure;
  readonly events: readonly ReportEvent[];
  readonly workDirectory: string;
}

/** Reads a project with nothing from an index: wheels come from `wheels`. */
async function read(
  app: string,
  more: Partial<ClosureRequest> & { readonly wheels?: string; readonly path?: string } = {},
): Promise<Reading> {
  const { wheels, path, ...request } = more;
  const context = testContext({
    env: {
      PATH: path ?? process.env.PATH,
      HOME: process.env.HOME,
      PIP_NO_INDEX: '1',
      ...(wheels === undefined ? {} : { PIP_FIND_LINKS: wheels }),
    },
  });
  const workDirectory = await temporaryDirectory();
  const closure = await readClosure({ app, args: [], env: {}, ...request }, workDirectory, context);
  return { closure, events: context.events, workDirectory };
}

async function run(closure: Closure, args: readonly string[] = []): Promise<string> {
  const { stdout, stderr } = await runInRoot(await placeClosure(closure), closure, args);
  expect(stderr).toBe('');
  return stdout;
}

async function project(members: Readonly<Record<string, Member>>): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(directory, members);
  return directory;
}

/** A package that builds without an index. */
function packageFiles(wheel: Readonly<Record<string, unknown>>, module: string): Record<string, Member> {
  return {
    'pyproject.toml': `[project]\nname = "greet"\nversion = "1.0"\nrequires-python = ">=3.8"\n
[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n`,
    'backend.py': offlineBackend,
    'wheel.json': JSON.stringify({ name: 'greet', version: '1.0', files: {}, ...wheel }),
    'package/greet/__init__.py': module,
  };
}

const greet = `import multiprocessing, subprocess, sys
from words import word

def double(text):
    return text * 2

def main():
    print(word(), *sys.argv[1:], flush=True)
    ask = 'import words, sys; print(words.word(), sys.flags.isolated)'
    subprocess.run([sys.executable, '-I', '-c', ask], check=True)
    subprocess.run([sys.executable, '-m', 'greet.again'], check=True)
    context = multiprocessing.get_context('spawn')
    out, inside = context.Pipe(False)
    child = context.Process(target=send, args=(inside,))
    child.start()
    print(out.recv(), flush=True)
    child.join()

def send(pipe):
    pipe.send(double(word()))
`;

describeWith([...rootTools, ...tools], 'the closure of a Python project', () => {
  it('holds the project, what it depends on and Python, so that all its children find them', async () => {
    const wheels = await temporaryDirectory();
    const words = await writeWheel(wheels, {
      name: 'words',
      version: '2.1',
      files: { 'words.py': 'def word():\n    return "moin"\n' },
      commands: { spell: 'words:word' },
    });
    const directory = await project({
      ...packageFiles({ requires: ['words'], commands: { greet: 'greet:main' } }, greet),
      'package/greet/again.py': 'from words import word\nprint("again", word())\n',
      'requirements.txt': `words==2.1 --hash=sha256:${words.sha256}\n`,
    });
    const { closure, events, workDirectory } = await read(directory, { wheels });
    expect(events.filter(({ kind }) => kind === 'warning')).toEqual([]);
    expect(closure).toMatchObject({ source: 'python', name: 'greet', appVersion: '1.0', ownLoader: true });
    expect(await run(closure, ['you'])).toBe('moin you\nmoin 1\nagain moin\nmoinmoin');
    await expectClean(closure, workDirectory);
    // The user's directory is left alone.
    expect((await readdir(directory)).sort()).toEqual(
      ['backend.py', 'package', 'pyproject.toml', 'requirements.txt', 'wheel.json'].sort(),
    );

    await writeFile(join(directory, 'package/greet/again.py'), 'print("changed")\n');
    const changed = await read(directory, { wheels });
    const before = closure.paths.map(({ storePath }) => storePath);
    const after = changed.closure.paths.map(({ storePath }) => storePath);
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.at(-1)).not.toBe(before.at(-1));
  });

  it('takes a wheel, and gives every command of it a name', async () => {
    const wheels = await temporaryDirectory();
    const { file } = await writeWheel(wheels, {
      name: 'many',
      version: '3',
      files: { 'many.py': 'def one():\n    print(1)\ndef two():\n    print(2)\n' },
      commands: { one: 'many:one', two: 'many:two' },
    });
    await expect(read(file)).rejects.toMatchObject({
      code: 'entrypoint-ambiguous',
      hint: 'choose one with --entrypoint: one, two',
    });
    const { closure } = await read(file, { entrypoint: 'two' });
    expect(closure).toMatchObject({ name: 'many', appVersion: '3' });
    const self = closure.paths.at(-1)?.storePath;
    expect(closure.programs).toEqual([{ name: 'one', program: `${self}/bin/one` }]);
    expect(await run(closure)).toBe('2');
  });

  it('runs a file of a project that is no package, beside its modules, without its secrets', async () => {
    const directory = await project({
      'requirements.txt': '',
      'serve.py': 'import part, sys, os\nprint(part.text, sys.argv[1:], os.path.basename(__file__))\n',
      'part.py': 'text = open(__file__.replace("part.py", "text.txt")).read()',
      'text.txt': 'said',
      '.env': 'TOKEN=hidden',
      'env/pyvenv.cfg': 'home = /usr/bin',
    });
    await expect(read(directory)).rejects.toMatchObject({ code: 'entrypoint-required' });
    const project_ = { kind: 'python', interpreter: null } as const;
    const { closure, events } = await read(directory, {
      entrypoint: 'serve.py',
      name: 'serve',
      project: project_,
    });
    expect(events).toContainEqual(expect.objectContaining({ code: 'secrets-left-out' }));
    expect(await run(closure, ['a'])).toBe("said ['a'] serve.py");
    const files = await filesOf(closure);
    expect(files.filter((file) => /(^|\/)(\.env|env\/)/.test(file))).toEqual([]);
  });
});

describeWith(tools, 'a Python project that cannot be bundled', () => {
  it.each([
    [
      'a Python that it does not accept',
      { 'pyproject.toml': '[project]\nname = "old"\nrequires-python = "<3"\n' },
      { code: 'interpreter-unfit', message: /requires <3$/ },
    ],
    [
      'a lock of a tool that is not there',
      { 'pyproject.toml': '[tool.poetry]\nname = "app"\npackage-mode = false\n', 'poetry.lock': '' },
      { code: 'installer-missing', hint: /^install Poetry/ },
    ],
    [
      'a damaged pyproject.toml',
      { 'pyproject.toml': '[project\n' },
      { code: 'project-invalid', message: /pyproject\.toml/ },
    ],
    [
      'a package that is not to be had',
      { 'requirements.txt': 'nowhere==1\n', 'main.py': '' },
      { code: 'install-failed', message: /nowhere==1/, hint: /check the name/ },
    ],
    [
      'a wheel for another Python',
      { 'requirements.txt': './other-1-cp27-cp27m-win32.whl\n', 'other-1-cp27-cp27m-win32.whl': '' },
      { code: 'install-failed', hint: /for another Python/ },
    ],
    [
      'an editable dependency',
      {
        'requirements.txt': '-e ./part\n',
        'main.py': '',
        'part/pyproject.toml':
          '[build-system]\nrequires = []\nbuild-backend = "editable"\nbackend-path = ["."]\n',
        'part/editable.py': `import os, zipfile
def build_editable(directory, config_settings=None, metadata_directory=None):
    info = 'part-1.dist-info/'
    with zipfile.ZipFile(os.path.join(directory, 'part-1-py3-none-any.whl'), 'w') as file:
        file.writestr('__editable__.part.pth', os.getcwd())
        file.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: part\\nVersion: 1\\n')
        file.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        file.writestr(info + 'RECORD', '')
    return 'part-1-py3-none-any.whl'
def build_wheel(*args):
    raise SystemExit(1)
`,
      },
      { code: 'dependency-outside', hint: /without -e/ },
    ],
  ])('says so of %s', async (_, files: Record<string, Member>, expected) => {
    const directory = await project(files);
    const error = await read(directory, { path: '/usr/bin:/bin' }).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    const { code, ...texts } = expected as { code: string; message?: RegExp; hint?: RegExp };
    expect(error).toMatchObject({ code });
    for (const [key, pattern] of Object.entries(texts)) {
      expect((error as Record<string, unknown>)[key]).toMatch(pattern);
    }
  });

  it('lists the choices where a directory is two projects, and takes the flag', async () => {
    const directory = await project({ 'pyproject.toml': '', 'package.json': '{}' });
    await expect(read(directory)).rejects.toMatchObject({
      code: 'source-ambiguous',
      message: expect.stringContaining('a Python project (pyproject.toml), a Node project (package.json)'),
      hint: expect.stringContaining('--python or --node'),
    });
  });

  it('shows no credentials of an index', async () => {
    const directory = await project({
      'requirements.txt': '--index-url http://me:sesame@127.0.0.1:9/simple\nnowhere==1\n',
    });
    const context = testContext({ env: { PATH: process.env.PATH, PIP_RETRIES: '0', PIP_TIMEOUT: '2' } });
    const request = { app: directory, args: [], env: {} };
    const error: unknown = await readClosure(request, await temporaryDirectory(), context).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'install-failed' });
    expect(JSON.stringify([error, (error as Error).message, context.events])).not.toContain('sesame');
  });
});

/** Every file of the closure's own paths, but for the interpreter's. */
async function filesOf({ paths }: Closure): Promise<string[]> {
  const found: string[] = [];
  for (const { directory, files } of paths) {
    if (directory !== null) found.push(...(await readdir(directory, { recursive: true })));
    found.push(...Object.keys(files));
  }
  return found;
}

/** Nothing names the directory of the build, and all modules are compiled for a tree without times. */
async function expectClean({ paths }: Closure, workDirectory: string): Promise<void> {
  for (const { storePath, directory, files } of paths) {
    const own = directory === null ? [] : await readdir(directory, { recursive: true, withFileTypes: true });
    const all = own.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of [...all, ...Object.values(files)]) {
      const content = await readFile(file);
      expect(content.includes(workDirectory), `${storePath}: ${file}`).toBe(false);
      // PEP 552: a hash-based pyc that is never checked.
      if (file.endsWith('.pyc')) expect(content.readUInt32LE(4), file).toBe(1);
    }
    const uncompiled = all.filter((file) => {
      const [, place, module] = /^(.*site-packages.*)\/([^/]+)\.py$/.exec(file) ?? [];
      return (
        module !== undefined && !all.some((other) => other.startsWith(`${place}/__pycache__/${module}.`))
      );
    });
    expect(uncompiled).toEqual([]);
    expect(all.filter((file) => /\/(direct_url\.json|INSTALLER|REQUESTED)$/.test(file))).toEqual([]);
  }
}
