import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { compareBytes } from '../../src/core/files.ts';
import { type StorePath, splitNameVersion, storePathName, storePathOf } from '../../src/core/store-path.ts';
import { isExecutableFile } from './locate.ts';

/**
 * Chooses the program of the Nix build that `file` is, or lies in: `entrypoint` where given (`bin/app`, or `app` for
 * the same); the program that `file` is; `bin/<name of the package>`; the only program of `bin`. Hidden ones
 * (`.app-wrapped`) are never chosen unasked.
 * @returns its absolute path
 * @throws {SaddlebagError} `entrypoint-missing` and `entrypoint-ambiguous`, which list what there is; `not-executable`
 */
export async function chooseProgram(file: string, entrypoint: string | undefined): Promise<string> {
  const top = storePathOf(file);
  if (top === undefined) throw new Error(`${file} is not in the Nix store`);
  const programs = await listPrograms(top);
  if (entrypoint !== undefined) return findNamed(top, entrypoint, programs);
  if (!(await stat(file)).isDirectory()) return requireExecutable(file);
  const named = `bin/${splitNameVersion(storePathName(top)).name}`;
  if (programs.includes(named)) return join(top, named);
  const [only, ...others] = programs;
  if (only === undefined) throw missing(top, 'it has no program in bin', programs);
  if (others.length === 0) return join(top, only);
  throw new SaddlebagError('entrypoint-ambiguous', `cannot bundle ${top}: it has several programs`, {
    hint: `choose one with --entrypoint: ${programs.join(', ')}`,
    exitCode: exitCodes.usage,
  });
}

async function requireExecutable(file: string): Promise<string> {
  if (await isExecutableFile(file)) return file;
  throw new SaddlebagError('not-executable', `cannot bundle ${file}: it is not executable`, {
    hint: 'name a program of the same build with --entrypoint',
  });
}

async function findNamed(top: StorePath, entrypoint: string, programs: readonly string[]): Promise<string> {
  for (const candidate of [join(top, entrypoint), join(top, 'bin', entrypoint)]) {
    const inside = !relative(top, candidate).startsWith('..');
    if (inside && (await isExecutableFile(candidate))) return candidate;
  }
  throw missing(top, `it has no program ${entrypoint}`, programs);
}

async function listPrograms(top: StorePath): Promise<string[]> {
  const names = await readdir(join(top, 'bin')).catch(() => []);
  const programs: string[] = [];
  for (const name of names.sort(compareBytes)) {
    const isHidden = basename(name).startsWith('.');
    if (!isHidden && (await isExecutableFile(join(top, 'bin', name)))) programs.push(`bin/${name}`);
  }
  return programs;
}

function missing(top: StorePath, reason: string, programs: readonly string[]): SaddlebagError {
  return new SaddlebagError('entrypoint-missing', `cannot bundle ${top}: ${reason}`, {
    hint:
      programs.length === 0 ? 'name a program inside it with --entrypoint' : `it has ${programs.join(', ')}`,
    exitCode: exitCodes.usage,
  });
}
