import { basename } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import { compareBytes } from '../../src/core/files.ts';
import { type StorePath, storePathOf } from '../../src/core/store-path.ts';
import type { ClosurePath } from '../../src/core/types.ts';
import type { Executable } from './executable.ts';
import { addExtra } from './extra.ts';
import { enterStore, findOnPath, isExecutableFile } from './locate.ts';
import { readNix } from './nix/closure.ts';
import { orderPaths } from './order.ts';
import { type LinkedProgram, type ProgramOptions, readProgram } from './program.ts';
import { surroundingsOf } from './program-closure.ts';
import { replaceShebang, type Shebang, shebangLimitBytes } from './shebang.ts';
import { contentPath } from './tree-digest.ts';
import { type Workplace, writeEdited } from './workplace.ts';

type Script = Extract<Executable, { kind: 'script' }>;

/** A script's first line in a bundle, and the closures of the programs that it names. */
export interface RewrittenShebang {
  readonly line: string;
  readonly interpreter: LinkedProgram;
  /** Of the interpreter and, where one is needed, of env. */
  readonly paths: readonly ClosurePath[];
  readonly references: readonly StorePath[];
}

/**
 * Reads a script into a store path that holds it as `bin/<called>`, and the closures of what runs it.
 * @throws {SaddlebagError} as `readProgram`
 */
export async function readScript(
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

/** The kernel takes the carriage return for the name's last letter, so the script starts nowhere; most shells stumble too. */
function refuseCarriageReturn({ file, bytes }: Script): void {
  const end = bytes.indexOf('\n');
  if (end < 0 || bytes[end - 1] !== 0x0d) return;
  throw new SaddlebagError(
    'shebang-unsupported',
    `cannot bundle ${file}: its first line ends with a carriage return, as files from Windows do`,
    { hint: `turn its line ends into those of Unix: sed -i 's/\\r$//' ${file}` },
  );
}

/**
 * Finds the program that runs a script: what the first line names or, behind env, what PATH has under that name.
 * @throws {SaddlebagError} `interpreter-missing`, `shebang-unsupported` for options of env other than -S, and for a line that
 *   ends as on Windows
 */
export async function findInterpreter(script: Script, { context }: Workplace): Promise<string> {
  refuseCarriageReturn(script);
  const { interpreter, command, argument } = script.shebang;
  if (command !== null) {
    const found = command.includes('/') ? command : await findOnPath(command, context.env);
    if (found !== undefined && (await isExecutableFile(found))) return found;
    throw interpreterMissing(script.file, command, 'is not on PATH');
  }
  if (basename(interpreter) === 'env') {
    throw new SaddlebagError(
      'shebang-unsupported',
      `cannot bundle ${script.file}: its first line gives env "${argument}"`,
      { hint: 'of its options only -S is followed: #!/usr/bin/env -S program arguments' },
    );
  }
  if (interpreter.startsWith('/') && (await isExecutableFile(interpreter))) return interpreter;
  throw interpreterMissing(script.file, interpreter, 'is no executable file');
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

function hasSeveralArguments({ command, commandArguments }: Shebang): boolean {
  return command !== null && /\s/.test(commandArguments);
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

/**
 * Renders the first line of a bundled script, which `program` runs; through `env -S` where `env` is given.
 * @throws {SaddlebagError} `shebang-unsupported` when it would be longer than the kernel reads, or has several
 *   arguments without env to keep them apart
 */
export function renderLine(script: Script, program: string, env: string | null): string {
  if (env === null && hasSeveralArguments(script.shebang)) {
    throw new SaddlebagError(
      'shebang-unsupported',
      `cannot bundle ${script.file}: its first line gives several arguments to an interpreter of the directory`,
      { hint: 'move the arguments of the first line into the script' },
    );
  }
  const line = renderShebang(script.shebang, program, env);
  if (Buffer.byteLength(line) + 2 <= shebangLimitBytes) return line;
  throw new SaddlebagError(
    'shebang-unsupported',
    `cannot bundle ${script.file}: its first line would become longer than the ${shebangLimitBytes} bytes that Linux takes`,
    { hint: 'move the arguments of the first line into the script' },
  );
}

/**
 * Renders a first line for `program`, through `env -S` where that is given.
 */
export function renderShebang(shebang: Shebang, program: string, env: string | null): string {
  const rest = shebang.command === null ? shebang.argument : shebang.commandArguments;
  const words = [...(env === null ? [] : [env, '-S']), program, ...(rest === '' ? [] : [rest])];
  return words.join(' ');
}

function interpreterMissing(script: string, interpreter: string, reason: string): SaddlebagError {
  return new SaddlebagError(
    'interpreter-missing',
    `cannot bundle ${script}: its interpreter ${interpreter} ${reason}`,
    { hint: 'install it, or correct the first line of the script' },
  );
}
