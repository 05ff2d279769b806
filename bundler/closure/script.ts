import { basename } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Executable } from './executable.ts';
import { findOnPath, isExecutableFile } from './locate.ts';
import { type Shebang, shebangLimitBytes } from './shebang.ts';
import type { Workplace } from './workplace.ts';

/** A script of this machine, as `readExecutable` read it. */
export type Script = Extract<Executable, { kind: 'script' }>;

/**
 * The kernel takes the carriage return for the name's last letter, so the script starts nowhere; most shells stumble
 * too.
 */
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
 * @throws {SaddlebagError} `interpreter-missing`, `shebang-unsupported` for options of env other than -S, and for a
 *   line that ends as on Windows
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

/** Tells whether the program that runs the script is given more than the one argument that the kernel passes. */
export function hasSeveralArguments({ command, commandArguments }: Shebang): boolean {
  return command !== null && /\s/.test(commandArguments);
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
