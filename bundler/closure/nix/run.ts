import { stripVTControlCharacters } from 'node:util';
import type { ErrorCode } from '../../../src/core/codes.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import type { ExecResult } from '../../../src/core/exec.ts';
import type { Workplace } from '../workplace.ts';

/** One call of a program of Nix. */
export interface NixCall {
  readonly program: 'nix' | 'nix-instantiate' | 'nix-store';
  readonly args: readonly string[];
  /** What it is for, as an error begins: `cannot build .#app`. */
  readonly purpose: string;
  /** Whether an error that it ends with may turn out to be none: then it is not shown as it comes. */
  readonly tentative?: boolean;
}

// What an error of Nix says at its end is what matters; a trace of a large expression has hundreds of lines.
const shownLines = 12;

/**
 * Runs a program of Nix to its end; what it writes to stderr is reported as it comes.
 * @throws {SaddlebagError} `nix-missing`
 */
export async function callNix(call: NixCall, { context }: Workplace): Promise<ExecResult> {
  let hidden = false;
  const result = await context.exec(call.program, call.args, {
    cwd: context.cwd,
    env: context.env,
    signal: context.signal,
    onStderrLine: (line) => {
      const message = stripVTControlCharacters(line).trimEnd();
      hidden ||= call.tentative === true && message.startsWith('error:');
      if (message !== '' && !hidden) context.reporter.report({ kind: 'detail', stage: 'closure', message });
    },
  });
  context.signal.throwIfAborted();
  if (result.failure === 'ENOENT') {
    throw new SaddlebagError('nix-missing', `${call.purpose}: ${call.program} is not on PATH`, {
      hint: 'install Nix, or put its bin directory on PATH',
    });
  }
  return result;
}

/**
 * Runs a program of Nix that must succeed, and returns its stdout.
 * @throws {SaddlebagError} `nix-missing`, the code of `failure` with Nix's last lines
 */
export async function runNix(
  call: NixCall,
  failure: { readonly code: ErrorCode; readonly hint?: string },
  place: Workplace,
): Promise<string> {
  const result = await callNix(call, place);
  if (result.exitCode !== 0) throw nixFailed(call, result, failure);
  return result.stdout;
}

/**
 * Makes the error for a call that failed: its purpose and what Nix said last.
 */
export function nixFailed(
  { program, purpose }: NixCall,
  result: ExecResult,
  { code, hint }: { readonly code: ErrorCode; readonly hint?: string },
): SaddlebagError {
  // Of a build, the lines before the error are its log.
  const lines = lastWords(result.stderr, code === 'nix-build-failed');
  const reason = lines.length === 0 ? (result.failure ?? `exit ${result.exitCode}`) : lines.join('\n  ');
  const options = hint === undefined ? {} : { hint };
  return new SaddlebagError(code, `${purpose}: ${program}: ${reason}`, options);
}

/** Returns the error that Nix ended with, without colours; with `log`, what stands before it too. */
function lastWords(stderr: string, log: boolean): readonly string[] {
  const lines = stripVTControlCharacters(stderr)
    .split('\n')
    .map((line) => line.trimEnd())
    // An option that is not ours to take.
    .filter((line) => line !== '' && !line.startsWith("(use '--show-trace'"));
  if (log) return lines.slice(-shownLines);
  const start = lines.findLastIndex((line) => line.startsWith('error:'));
  const words = start < 0 ? lines.slice(-1) : lines.slice(start);
  return words.length <= shownLines ? words : [...words.slice(0, 2), '…', ...words.slice(2 - shownLines)];
}
