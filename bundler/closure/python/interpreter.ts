import { chmod, cp, mkdir, realpath, symlink } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Context } from '../../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { enterStore, findOnPath, isExecutableFile } from '../locate.ts';
import { walkTree } from '../tree.ts';
import { unreadable } from '../unreadable.ts';
import type { Workplace } from '../workplace.ts';
import { installerEnvironment } from './environment.ts';

/** A Python of this machine. */
export interface PythonInterpreter {
  /** The program itself: behind links, and outside any virtual environment. */
  readonly executable: string;
  /** `3.11.2` */
  readonly version: string;
  /** `python3.11` */
  readonly name: string;
  /** Absolute directory of the standard library. */
  readonly library: string;
  /** The same, relative to the top of an installation: `lib/python3.11`. */
  readonly libraryPath: string;
}

const probe = `
import json, os, sys, sysconfig
accepted = None
try:
    from pip._vendor.packaging.specifiers import SpecifierSet
    accepted = SpecifierSet(sys.argv[1]).contains('%d.%d.%d' % sys.version_info[:3], prereleases=True)
except Exception:
    pass
print(json.dumps({
    'executable': os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable),
    'implementation': sys.implementation.name,
    'version': list(sys.version_info[:3]),
    'prefix': sys.base_prefix,
    'library': sysconfig.get_path('stdlib'),
    'accepted': accepted,
}))
`;

interface Probe {
  readonly executable: string;
  readonly implementation: string;
  readonly version: readonly [number, number, number];
  readonly prefix: string;
  readonly library: string;
  readonly accepted: boolean | null;
}

/**
 * Finds the Python that is to run a project: `asked` (a path, a name on PATH, or a version such as 3.12), else
 * `python3`; a virtual environment or a shim stands for the Python behind it.
 * @param requires what the project accepts, as `>=3.11`, or null
 * @throws {SaddlebagError} `interpreter-missing`, `interpreter-unfit`
 */
export async function findPython(
  asked: string | null,
  requires: string | null,
  place: Workplace,
): Promise<PythonInterpreter> {
  const { context } = place;
  const file = await locatePython(asked, context);
  const env = installerEnvironment(place);
  const result = await context.exec(file, ['-c', probe, requires ?? ''], { env, signal: context.signal });
  context.signal.throwIfAborted();
  const found = result.exitCode === 0 ? (parseProbe(result.stdout) ?? null) : null;
  if (found === null) {
    const reason = result.stderr.trim().split('\n').at(-1) || result.failure || `exit ${result.exitCode}`;
    throw unfit(file, `it does not start: ${reason}`);
  }
  const [major, minor] = found.version;
  const version = found.version.join('.');
  if (found.implementation !== 'cpython' || major !== 3 || minor < 8) {
    throw unfit(file, `it is ${found.implementation} ${version}; CPython 3.8 or newer can be bundled`);
  }
  if (requires !== null && found.accepted === false) {
    throw unfit(file, `it is Python ${version}, and the project requires ${requires}`);
  }
  if ((await enterStore(found.executable)) !== undefined) {
    throw unfit(file, 'it was built by Nix, whose packages Nix has to build too');
  }
  return {
    executable: found.executable,
    version,
    name: `python${major}.${minor}`,
    library: await realpath(found.library),
    libraryPath: relative(await realpath(found.prefix), await realpath(found.library)),
  };
}

async function locatePython(asked: string | null, context: Pick<Context, 'cwd' | 'env'>): Promise<string> {
  const name = asked === null ? 'python3' : /^3\.\d+$/.test(asked) ? `python${asked}` : asked;
  const path = name.includes('/') ? resolve(context.cwd, name) : undefined;
  const found = path ?? (await findOnPath(name, context.env));
  if (found !== undefined && (await isExecutableFile(found))) return found;
  throw new SaddlebagError(
    'interpreter-missing',
    `cannot bundle with ${name}: there is no such program${path === undefined ? ' on PATH' : ''}`,
    {
      hint: 'install Python 3, or name one: --python=/path/to/python3, --python=3.12',
      exitCode: exitCodes.usage,
    },
  );
}

function parseProbe(text: string): Probe | undefined {
  try {
    // A line of a site's own start-up code may stand before it.
    return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Probe;
  } catch {
    return undefined;
  }
}

function unfit(file: string, reason: string): SaddlebagError {
  return new SaddlebagError('interpreter-unfit', `cannot bundle with ${file}: ${reason}`, {
    hint: 'choose another with --python=PATH or --python=3.12',
  });
}

// Tests, a copy of pip for new environments, what links Python into other programs, and what draws windows: Tk's own
// scripts lie outside of Python, so that its module alone would not start.
const leftOut = [
  /^(site-packages|dist-packages|test|idlelib|turtledemo|tkinter|ensurepip)$/,
  /^config-[^/]*$/,
  /^(distutils|lib2to3|unittest|ctypes|sqlite3|asyncio)\/tests?$/,
  /^lib-dynload\/(_test[^/]*|_ctypes_test[^/]*|_xxtestfuzz[^/]*|xxlimited[^/]*|_tkinter[^/]*)$/,
  // The machine's own start-up code; Debian links it from /etc.
  /^(sitecustomize|usercustomize)\.py$/,
  /^EXTERNALLY-MANAGED$/,
  /(^|\/)__pycache__$/,
];

/**
 * Copies the standard library of a Python to `tree`, laid out as in an installation, and the names by which the program
 * is called; `bin/<name>` itself is left to be put there.
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function copyStandardLibrary(python: PythonInterpreter, tree: string): Promise<void> {
  const { library, libraryPath, name } = python;
  await mkdir(join(tree, 'bin'), { recursive: true });
  for (const alias of ['python3', 'python']) await symlink(name, join(tree, 'bin', alias));
  const target = join(tree, libraryPath);
  await cp(library, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (file) => !leftOut.some((pattern) => pattern.test(relative(library, file))),
  }).catch((cause: unknown) => {
    throw unreadable(library, cause);
  });
  // Debian's have first lines that name its own Python, which no one starts them by.
  for await (const node of walkTree(target)) {
    if (node.kind === 'file' && node.executable && node.path.endsWith('.py')) await chmod(node.file, 0o644);
  }
  // Python takes an installation without it for a broken one, and says so on stderr.
  await mkdir(join(target, 'lib-dynload'), { recursive: true });
}
