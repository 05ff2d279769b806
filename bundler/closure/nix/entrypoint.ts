import { readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { compareBytes } from '../../../src/core/files.ts';
import type { StorePath } from '../../../src/core/store-path.ts';
import { isExecutableFile } from '../locate.ts';
import type { Workplace } from '../workplace.ts';
import type { NixBuild } from './build.ts';

/**
 * Chooses the program of a build: `entrypoint` where given (`bin/app`, or `app` for the same); the program that the
 * build itself names; `meta.mainProgram`; `bin/<name of the package>`; the only program of `bin`. Hidden ones
 * (`.app-wrapped`) are never chosen unasked. The first output that has it decides.
 * @returns its absolute path
 * @throws {SaddlebagError} `entrypoint-missing` and `entrypoint-ambiguous`, which list what there is; `not-executable`
 */
export async function chooseProgram(
  build: NixBuild,
  entrypoint: string | undefined,
  place: Workplace,
): Promise<string> {
  const { outputs, program, mainProgram, name } = build;
  const programs = await listPrograms(outputs);
  if (entrypoint !== undefined) {
    const named = await findFirst(outputs, [entrypoint, `bin/${entrypoint}`]);
    if (named !== undefined) return named;
    throw missing(build, `it has no program ${entrypoint}`, programs);
  }
  if (program !== null) return requireExecutable(program);
  if (mainProgram !== null) {
    const main = await findFirst(outputs, [`bin/${mainProgram}`]);
    if (main !== undefined) return main;
    warnOfMainProgram(build, place);
  }
  const own = await findFirst(outputs, [`bin/${name}`]);
  if (own !== undefined) return own;
  const [only, ...others] = programs;
  if (only === undefined) throw missing(build, 'it has no program in bin', programs);
  const found = others.length === 0 ? await findFirst(outputs, [only]) : undefined;
  if (found !== undefined) return found;
  throw new SaddlebagError('entrypoint-ambiguous', `cannot bundle ${outputs[0]}: it has several programs`, {
    hint: `choose one with --entrypoint: ${programs.join(', ')}`,
    exitCode: exitCodes.usage,
  });
}

/** Returns the first program that an output has under one of `paths`; none outside of it. */
async function findFirst(
  outputs: readonly StorePath[],
  paths: readonly string[],
): Promise<string | undefined> {
  for (const output of outputs) {
    for (const candidate of paths.map((path) => join(output, path))) {
      const inside = !relative(output, candidate).startsWith('..');
      if (inside && (await isExecutableFile(candidate))) return candidate;
    }
  }
  return undefined;
}

async function requireExecutable(file: string): Promise<string> {
  if (await isExecutableFile(file)) return file;
  throw new SaddlebagError('not-executable', `cannot bundle ${file}: it is not executable`, {
    hint: 'name a program of the same build with --entrypoint',
  });
}

/** Lists the programs of all outputs that are not hidden, as `bin/<name>`, each once and in byte order. */
async function listPrograms(outputs: readonly StorePath[]): Promise<readonly string[]> {
  const programs = new Set<string>();
  for (const output of outputs) {
    for (const name of await programNames(output)) programs.add(`bin/${name}`);
  }
  return [...programs].sort(compareBytes);
}

/** Lists the names of the programs in `bin` of a tree that are not hidden, in byte order. */
export async function programNames(tree: string): Promise<readonly string[]> {
  const names = await readdir(join(tree, 'bin')).catch(() => []);
  const programs: string[] = [];
  for (const name of names.sort(compareBytes)) {
    const isHidden = basename(name).startsWith('.');
    if (!isHidden && (await isExecutableFile(join(tree, 'bin', name)))) programs.push(name);
  }
  return programs;
}

function warnOfMainProgram({ outputs, mainProgram }: NixBuild, { context }: Workplace): void {
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'main-program-missing',
    message: `there is no bin/${mainProgram} in ${outputs.join(', ')}, which meta.mainProgram names`,
    hint: 'the program is chosen as if it were not set; --entrypoint chooses another',
  });
}

function missing({ outputs }: NixBuild, reason: string, programs: readonly string[]): SaddlebagError {
  return new SaddlebagError('entrypoint-missing', `cannot bundle ${outputs[0]}: ${reason}`, {
    hint:
      programs.length === 0 ? 'name a program inside it with --entrypoint' : `it has ${programs.join(', ')}`,
    exitCode: exitCodes.usage,
  });
}
