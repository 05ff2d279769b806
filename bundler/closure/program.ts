import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import { compareBytes } from '../../src/core/files.ts';
import { type StorePath, storePathOf } from '../../src/core/store-path.ts';
import type { ClosurePath } from '../../src/core/types.ts';
import { type LinkedProgram, type ProgramOptions, readElfProgram } from './elf-program.ts';
import { readExecutable } from './executable.ts';
import { addExtra } from './extra.ts';
import { enterStore } from './locate.ts';
import { readNix } from './nix/closure.ts';
import { orderPaths } from './order.ts';
import { surroundingsOf } from './program-closure.ts';
import { findInterpreter, hasSeveralArguments, renderLine, type Script } from './script.ts';
import { replaceShebang } from './shebang.ts';
import { refuseStandIn } from './stand-in.ts';
import { contentPath } from './tree-digest.ts';
import { type Workplace, writeEdited } from './workplace.ts';

/** A script's first line in a bundle, and the closures of the programs that it names. */
export interface RewrittenShebang {
  readonly line: string;
  readonly interpreter: LinkedProgram;
  /** Of the interpreter and, where one is needed, of env. */
  readonly paths: readonly ClosurePath[];
  readonly references: readonly StorePath[];
}

/**
 * Reads a program of this machine, an ELF file or a script, into store paths: for its loader and libraries, for itself
 * with the files of its own that a recipe or `options.extra` names, and those of its interpreters. It is started as
 * `bin/<base name of file>`.
 * @throws {SaddlebagError} `program-shim`, `not-executable`, `interpreter-missing`, `library-missing`, `arch-unsupported`,
 *   `elf-invalid`, `elf-unsupported`, `shebang-unsupported`, and what `mirrorFiles` throws
 */
export async function readProgram(
  file: string,
  options: ProgramOptions,
  place: Workplace,
): Promise<LinkedProgram> {
  const real = await realpath(file);
  refuseStandIn(file, real);
  await reportPrivileged(real, place);
  const executable = await readExecutable(real);
  return executable.kind === 'elf'
    ? readElfProgram(executable, basename(file), options, place)
    : readScript(executable, basename(file), options, place);
}

/**
 * Reads a script into a store path that holds it as `bin/<called>`, and the closures of what runs it.
 * @throws {SaddlebagError} as `readProgram`
 */
async function readScript(
  script: Script,
  called: string,
  options: ProgramOptions,
  place: Workplace,
): Promise<LinkedProgram> {
  const shebang = await rewriteShebang(script, options, place);
  const inside = `bin/${called}`;
  const content = await writeEdited(replaceShebang(script.bytes, shebang.line), 'program', place);
  const path = await contentPath(
    options.name,
    { directory: null, files: { [inside]: content } },
    shebang.references,
    place.context.signal,
  );
  const { interpreter } = shebang;
  return {
    program: `${path.storePath}/${inside}`,
    arch: interpreter.arch,
    interpreter: basename(interpreter.program),
    ownLoader: interpreter.ownLoader,
    paths: [...shebang.paths, path],
    linked: interpreter.linked,
    ...surroundingsOf(interpreter),
    // The kernel starts the interpreter by the path that the first line names.
    ownName: false,
  };
}

/**
 * Bundles the program that runs a script and returns the first line that names it there.
 * @throws {SaddlebagError} as `readProgram`
 */
export async function rewriteShebang(
  script: Script,
  options: ProgramOptions,
  place: Workplace,
): Promise<RewrittenShebang> {
  const depth = (options.depth ?? 0) + 1;
  // Source: execve(2): the kernel follows no more than four.
  if (depth > 4) {
    throw new SaddlebagError(
      'not-executable',
      `cannot bundle ${script.file}: too many scripts run one another`,
    );
  }
  const file = await findInterpreter(script, place);
  const interpreter = await readAnyProgram(file, { ...options, depth }, place);
  // The kernel passes what follows as one argument; only env -S splits it, so it comes along where there are several.
  const env = hasSeveralArguments(script.shebang)
    ? await readAnyProgram(script.shebang.interpreter, { name: 'env', depth }, place)
    : null;
  return {
    line: renderLine(script, interpreter.program, env?.program ?? null),
    interpreter,
    paths: orderPaths([...interpreter.paths, ...(env?.paths ?? [])]),
    references: [interpreter, ...(env === null ? [] : [env])]
      .map(({ program }) => storePathOf(program))
      .filter((path) => path !== undefined)
      .sort(compareBytes),
  };
}

/**
 * Reads a program, wherever it lies: one that Nix built with the closure that Nix knows.
 * @throws {SaddlebagError} as `readProgram` and `readNix`
 */
export async function readAnyProgram(
  file: string,
  options: ProgramOptions,
  place: Workplace,
): Promise<LinkedProgram> {
  const inStore = await enterStore(file);
  const name = basename(file);
  if (inStore === undefined) return readProgram(file, { ...options, name }, place);
  const found = { ...(await readNix(inStore, place)), linked: null };
  return options.extra === undefined ? found : addExtra(found, { extra: options.extra, name }, place);
}

async function reportPrivileged(file: string, { context }: Workplace): Promise<void> {
  if (((await stat(file)).mode & 0o6000) === 0) return;
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'privilege-dropped',
    message: `${file} is set-user-id or set-group-id; in a bundle it has the rights of its caller`,
    hint: 'what it does with other rights will be refused',
  });
}
