import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeCause, SaddlebagError } from '../../../src/core/errors.ts';
import { findWorkspace } from './workspace.ts';

/** A Node project as its package.json describes it. */
export interface NodeProject {
  /** Absolute. */
  readonly directory: string;
  /** Without the scope; null where it has none. */
  readonly name: string | null;
  readonly version: string | null;
  /** Which versions of Node it accepts, as semver ranges go. */
  readonly engine: string | null;
  /** Name of a command → file. */
  readonly bins: Readonly<Record<string, string>>;
  readonly main: string | null;
  /** What `npm start` runs. */
  readonly start: string | null;
  readonly hasDependencies: boolean;
  /** The lock that npm obeys, or null. */
  readonly lock: string | null;
}

type Table = Readonly<Record<string, unknown>>;

// In npm's own order.
const npmLocks = ['npm-shrinkwrap.json', 'package-lock.json'] as const;

const otherLocks: Readonly<Record<string, string>> = {
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'Yarn',
  'bun.lock': 'Bun',
  'bun.lockb': 'Bun',
};

/** Files that only installers read. */
export const lockNames: readonly string[] = [...npmLocks, ...Object.keys(otherLocks)];

/**
 * Reads the package.json of a directory, and which lock is beside it.
 * @throws {SaddlebagError} `project-invalid`, `lock-unsupported`, `dependency-outside`
 */
export async function readNodeProject(directory: string): Promise<NodeProject> {
  const file = join(directory, 'package.json');
  const document = await readPackage(file);
  const name = string(document.name)?.replace(/^@[^/]*\//, '') ?? null;
  const dependencies = { ...table(document.optionalDependencies), ...table(document.dependencies) };
  for (const [dependency, range] of Object.entries(dependencies)) refuseOutside(file, dependency, range);
  const hasDependencies = Object.keys(dependencies).length > 0 || document.workspaces !== undefined;
  const lock = await findLock(directory);
  if (hasDependencies && lock === null) await refuseMember(directory, name ?? basename(directory));
  return {
    directory,
    name,
    version: string(document.version),
    engine: string(table(document.engines).node),
    bins: binsOf(document.bin, name ?? basename(directory)),
    main: string(document.main),
    start: string(table(document.scripts).start),
    hasDependencies,
    lock,
  };
}

async function readPackage(file: string): Promise<Table> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Table;
  } catch (cause) {
    throw new SaddlebagError('project-invalid', `cannot read ${file}: ${describeCause(cause)}`, { cause });
  }
  throw new SaddlebagError('project-invalid', `cannot read ${file}: it is not a JSON object`);
}

/** Source: npm's documentation of package.json, "bin": a string stands for a command of the package's name. */
function binsOf(bin: unknown, name: string): Readonly<Record<string, string>> {
  if (typeof bin === 'string') return { [name]: bin };
  return Object.fromEntries(
    Object.entries(table(bin)).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

async function findLock(directory: string): Promise<string | null> {
  const names = new Set(await readdir(directory));
  const lock = npmLocks.find((name) => names.has(name));
  if (lock !== undefined) return lock;
  const other = Object.keys(otherLocks).find((name) => names.has(name));
  if (other === undefined) return null;
  throw new SaddlebagError(
    'lock-unsupported',
    `cannot obey ${join(directory, other)}: npm does not read the lock of ${otherLocks[other]}`,
    {
      hint: `install with ${otherLocks[other]} (production only) and bundle the directory as it is, dir:… --entrypoint FILE; or make a package-lock.json: npm install --package-lock-only`,
    },
  );
}

function refuseOutside(file: string, name: string, range: unknown): void {
  if (typeof range !== 'string' || !/^(file:|link:)?(\.\.\/|\/)/.test(range)) return;
  throw new SaddlebagError(
    'dependency-outside',
    `cannot bundle ${file}: its dependency ${name} is ${range}, outside of the project`,
    { hint: 'make both members of one npm workspace and bundle that, or pack it: npm pack' },
  );
}

async function refuseMember(directory: string, name: string): Promise<void> {
  const workspace = await findWorkspace(directory);
  if (workspace === null) return;
  throw new SaddlebagError(
    'dependency-outside',
    `cannot bundle ${directory}: it is a member of the workspace ${workspace}, whose lock and packages are its own`,
    {
      hint: `bundle the workspace, and name a command or a file of the member: saddlebag bundle ${workspace} --node --entrypoint ${name}`,
    },
  );
}

function table(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function string(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
