import { lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { compareBytes } from '../../../src/core/files.ts';
import { walkTree } from '../tree.ts';

/** What installers write beside a package of themselves, of the time and place of the installation. */
const marks = new Set(['INSTALLER', 'REQUESTED', 'direct_url.json', 'uv_cache.json', 'uv_build.json']);

/** What is kept of a virtual environment. */
export interface CleanOptions {
  /** Its directory of modules, relative to it. */
  readonly modules: string;
  /** Names in `bin` that stay: programs that need no Python to start. */
  readonly programs: ReadonlySet<string>;
}

/**
 * Turns a virtual environment into a tree that holds nothing of how and where it was made: no interpreter, no scripts
 * (they name it), no bytecode, no marks of the installer.
 * @throws {SaddlebagError} `dependency-outside` for a package that is a link to a directory of this machine
 */
export async function cleanEnvironment(
  environment: string,
  { modules, programs }: CleanOptions,
): Promise<void> {
  for (const name of await readdir(environment)) {
    if (name.startsWith('.') || name === 'pyvenv.cfg' || name === 'CACHEDIR.TAG') {
      await rm(join(environment, name), { recursive: true });
    }
  }
  for (const name of await readdir(join(environment, 'bin'))) {
    if (!programs.has(name)) await rm(join(environment, 'bin', name), { recursive: true });
  }
  for (const name of ['bin', 'include']) await removeEmpty(join(environment, name));
  await refuseLinks(join(environment, modules));
  const doomed: string[] = [];
  const records: string[] = [];
  for await (const node of walkTree(environment)) {
    const name = basename(node.path);
    const isMark = dirname(node.path).endsWith('.dist-info') && marks.has(name);
    if (isMark || name === '__pycache__') doomed.push(node.path);
    if (node.path.endsWith('.dist-info/RECORD')) records.push(node.path);
  }
  for (const path of doomed) await rm(join(environment, path), { recursive: true, force: true });
  for (const path of records) await normalizeRecord(join(environment, path));
}

/**
 * Drops from a list of installed files those that are made anew, and sorts the rest.
 * Source: packaging.python.org, "Recording installed projects", RECORD.
 */
async function normalizeRecord(file: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/);
  const kept = lines.filter((line) => {
    const path = line.replace(/,[^,]*,[^,]*$/, '');
    const isMark = path.includes('.dist-info/') && marks.has(basename(path));
    return path !== '' && !isMark && !path.includes('__pycache__/') && !/^"?(\.\.\/)+bin\//.test(path);
  });
  await writeFile(file, `${kept.sort(compareBytes).join('\n')}\n`);
}

/** Editable installations are lines of `.pth` files, or modules that name the directory of the source. */
async function refuseLinks(modules: string): Promise<void> {
  for (const name of await readdir(modules).catch(() => [])) {
    if (/^__editable__.*\.(pth|py)$/.test(name) || name.endsWith('.egg-link')) throw outside(name);
    if (!name.endsWith('.pth')) continue;
    const lines = (await readFile(join(modules, name), 'utf8')).split(/\r?\n/);
    if (lines.some((line) => isAbsolute(line.trim()))) throw outside(name);
  }
}

function outside(file: string): SaddlebagError {
  return new SaddlebagError(
    'dependency-outside',
    `cannot bundle what ${file} stands for: it is an editable installation, a link to a directory of this machine`,
    { hint: 'depend on it without -e (in Poetry without develop = true)' },
  );
}

async function removeEmpty(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const file = join(directory, name);
    if ((await lstat(file)).isDirectory()) await removeEmpty(file);
  }
  if ((await readdir(directory).catch(() => ['absent'])).length === 0)
    await rm(directory, { recursive: true });
}
