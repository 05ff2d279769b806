import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { describeCause, SaddlebagError } from '../../../src/core/errors.ts';
import { hideCredentials } from '../project/tool.ts';

/** Where the versions of a project's dependencies stand. */
export type DependencySource =
  | { readonly kind: 'uv-lock' }
  | { readonly kind: 'poetry-lock' }
  /** `hashed`: each file's digest stands in it too. `pinned`: every line names one version. */
  | {
      readonly kind: 'requirements';
      readonly file: string;
      readonly hashed: boolean;
      readonly pinned: boolean;
    }
  /** What the project asks for, or its built package where `isPackage`. */
  | { readonly kind: 'declared'; readonly requirements: readonly string[] };

/** A Python project, or a wheel, as its own files describe it. */
export interface PythonProject {
  /** Absolute. */
  readonly directory: string;
  /** The wheel, where that is all there is. */
  readonly wheel: string | null;
  readonly name: string | null;
  readonly version: string | null;
  /** A specifier as `>=3.11`, by PEP 440. */
  readonly requiresPython: string | null;
  /** Whether it is installed; else its files are used as they lie there. */
  readonly isPackage: boolean;
  /** Name of a command → `module:function`. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: DependencySource;
}

type Table = Readonly<Record<string, unknown>>;

/**
 * Reads what a directory's pyproject.toml, locks and requirements say, or what the name of a wheel does.
 * @throws {SaddlebagError} `project-invalid`
 */
export async function readPythonProject(path: string): Promise<PythonProject> {
  if (path.endsWith('.whl')) return wheelProject(path);
  const text = await readIfThere(join(path, 'pyproject.toml'));
  const document = text === null ? {} : parseToml(text, join(path, 'pyproject.toml'));
  const project = table(document.project);
  const poetry = table(table(document.tool).poetry);
  return {
    directory: path,
    wheel: null,
    name: string(project.name) ?? string(poetry.name),
    version: string(project.version) ?? string(poetry.version),
    requiresPython: string(project['requires-python']),
    isPackage: await isPackage(path, document),
    scripts: { ...strings(poetry.scripts), ...strings(project.scripts) },
    dependencies: await findDependencies(path, document),
  };
}

/** Source: packaging.python.org, "Binary distribution format", the name of the file. */
function wheelProject(file: string): PythonProject {
  const [name, version, ...tags] = basename(file, '.whl').split('-');
  if (name === undefined || version === undefined || tags.length < 3) {
    throw new SaddlebagError('project-invalid', `cannot bundle ${file}: its name is not that of a wheel`, {
      hint: 'a wheel is called NAME-VERSION-PYTHON-ABI-PLATFORM.whl; pip reads the name',
    });
  }
  return {
    directory: dirname(file),
    wheel: file,
    name: name.replaceAll('_', '-'),
    version,
    requiresPython: null,
    isPackage: true,
    scripts: {},
    dependencies: { kind: 'declared', requirements: [] },
  };
}

/**
 * A project is installed where it says how it is built, as uv sees it: without that, tools would take any directory
 * with a setuptools of their own.
 * Source: uv's documentation, "Build systems"; Poetry's, "package-mode".
 */
async function isPackage(directory: string, document: Table): Promise<boolean> {
  const tool = table(document.tool);
  if (table(tool.poetry)['package-mode'] === false || table(tool.uv).package === false) return false;
  if (document['build-system'] !== undefined || table(tool.uv).package === true) return true;
  return (await exists(join(directory, 'setup.py'))) || (await exists(join(directory, 'setup.cfg')));
}

async function findDependencies(directory: string, document: Table): Promise<DependencySource> {
  const hasUv = await exists(join(directory, 'uv.lock'));
  const hasPoetry = await exists(join(directory, 'poetry.lock'));
  // One of both is a leftover of the tool that the project used before.
  const isPoetry = table(document.tool).poetry !== undefined;
  if (hasUv && !(hasPoetry && isPoetry)) return { kind: 'uv-lock' };
  if (hasPoetry) return { kind: 'poetry-lock' };
  const file = join(directory, 'requirements.txt');
  const text = await readIfThere(file);
  if (text !== null) return { kind: 'requirements', file, ...describeRequirements(text) };
  return { kind: 'declared', requirements: stringList(table(document.project).dependencies) };
}

/** Source: pip's documentation, "Requirements file format". */
function describeRequirements(text: string): { readonly hashed: boolean; readonly pinned: boolean } {
  const lines = text
    .replace(/\\\r?\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('--'));
  return {
    hashed: lines.some((line) => /\s--hash[= ]/.test(line)),
    pinned: lines.every((line) => /===?[^=]/.test(line) || / @ /.test(line)),
  };
}

function parseToml(text: string, file: string): Table {
  try {
    return parse(text);
  } catch (cause) {
    const reason = hideCredentials(describeCause(cause)).split('\n')[0];
    const place = cause instanceof TomlError ? ` (line ${cause.line}, column ${cause.column})` : '';
    throw new SaddlebagError('project-invalid', `cannot read ${file}: ${reason}${place}`, { cause });
  }
}

async function readIfThere(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw new SaddlebagError('project-invalid', `cannot read ${file}: ${describeCause(cause)}`, { cause });
  });
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

function table(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function string(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function stringList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function strings(value: unknown): Readonly<Record<string, string>> {
  const pairs = Object.entries(table(value)).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return Object.fromEntries(pairs);
}
