import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { storePathOf } from '../../../src/core/store-path.ts';
import type { Arch, ClosurePath } from '../../../src/core/types.ts';
import { type Executable, readExecutable } from '../executable.ts';
import { isExecutableFile } from '../locate.ts';
import { orderPaths } from '../order.ts';
import { noSurroundings, type ProgramClosure } from '../program-closure.ts';
import { interpreterOfScript } from '../shebang.ts';
import type { Workplace } from '../workplace.ts';
import { queryRegistrations, type Registration, readRegistrations } from './registrations.ts';

/**
 * Reads the closure of the Nix build that `program` lies in; `chooseProgram` finds one in a store path. Nix is asked for
 * it and holds it from its collector until the work directory is deleted; where `storePaths` names a file, that says it,
 * and Nix need not be there.
 * @throws {SaddlebagError} `nix-missing`, `nix-failed`, `nix-path-missing`, `store-paths-invalid`, `arch-unsupported`,
 *   `not-executable`
 */
export async function readNix(
  program: string,
  place: Workplace,
  storePaths?: string,
): Promise<ProgramClosure> {
  const top = storePathOf(program);
  if (top === undefined) throw new Error(`${program} is not in the Nix store`);
  const registrations =
    storePaths === undefined
      ? await queryRegistrations(top, place)
      : await readRegistrations(storePaths, top, place);
  const paths = orderPaths(registrations.map((registration) => closurePath(registration)));
  return {
    program,
    ...(await describeProgram(program)),
    ownLoader: await holdsLoader(paths),
    paths,
    ...noSurroundings,
    // nixpkgs' ls is a link to coreutils, which does what it is called.
    ownName: basename(program) !== basename(await realpath(program)),
  };
}

function closurePath({ storePath, references }: Registration): ClosurePath {
  return { storePath, directory: storePath, files: {}, references };
}

/** Follows scripts to the program that runs them, for its processor, and names the interpreter. */
async function describeProgram(
  program: string,
): Promise<{ readonly arch: Arch; readonly interpreter: string | null }> {
  const first = await readExecutable(program);
  let current: Executable = first;
  // The kernel follows no more than five.
  for (let depth = 0; current.kind === 'script' && depth < 5; depth++) {
    current = await readExecutable(current.shebang.interpreter);
  }
  if (current.kind === 'script') {
    throw new SaddlebagError(
      'not-executable',
      `cannot bundle ${program}: its interpreters are scripts without end`,
    );
  }
  return { arch: current.elf.arch, interpreter: await interpreterOf(first) };
}

/** nixpkgs puts `.app-wrapped` beside a wrapper `app`, be that a script or a small ELF program. */
async function interpreterOf(executable: Executable): Promise<string | null> {
  const real = await realpath(executable.file);
  const wrapped = join(dirname(real), `.${basename(real)}-wrapped`);
  if (await isExecutableFile(wrapped)) return interpreterOf(await readExecutable(wrapped));
  return executable.kind === 'elf' ? null : interpreterOfScript(executable.bytes.toString('utf8'));
}

async function holdsLoader(paths: readonly ClosurePath[]): Promise<boolean> {
  for (const { storePath } of paths) {
    const names = await readdir(join(storePath, 'lib')).catch(() => []);
    if (names.some((name) => /^ld-(linux|musl)-/.test(name))) return true;
  }
  return false;
}
