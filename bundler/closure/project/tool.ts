import { basename } from 'node:path';
import type { ErrorCode } from '../../../src/core/codes.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { printable } from '../../../src/core/printable.ts';
import type { Workplace } from '../workplace.ts';

/** A run of an installer or another tool of a project's language. */
export interface ToolRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it is run for, behind `cannot`: `install the dependencies of /srv/app`. */
  readonly purpose: string;
  /** What it is called in messages; by default the base name of `file`. */
  readonly name?: string;
  /** Of the error where it fails; by default `install-failed`. */
  readonly code?: ErrorCode;
  /** Chooses what to do next from what the tool wrote. */
  readonly hint?: (output: string) => string | undefined;
}

/** Lines of a tool's last words that are shown before the error: a compiler says more than the installer above it. */
const shownLines = 40;

/**
 * Runs a tool to its end and returns its stdout. Where it fails, its last lines are reported as details, without
 * credentials.
 * @throws {SaddlebagError} `run.code`; `installer-missing` where there is no such program
 */
export async function runTool(run: ToolRun, { context }: Workplace): Promise<string> {
  const { file, args, cwd, env } = run;
  const name = run.name ?? basename(file);
  const result = await context.exec(file, args, { cwd, env, signal: context.signal });
  context.signal.throwIfAborted();
  if (result.exitCode === 0) return result.stdout;
  if (result.failure === 'ENOENT') {
    throw new SaddlebagError('installer-missing', `cannot ${run.purpose}: ${name} is not there`, {
      hint: `install ${name}, or put its directory on PATH`,
    });
  }
  const output = hideCredentials(`${result.stdout}\n${result.stderr}`.trim());
  for (const line of output.split('\n').slice(-shownLines)) {
    context.reporter.report({ kind: 'detail', stage: 'closure', message: printable(line) });
  }
  const hint = run.hint?.(output) ?? `the lines above are what ${name} says`;
  const reason = lastError(output) || result.failure || `exit ${result.exitCode}`;
  throw new SaddlebagError(run.code ?? 'install-failed', `cannot ${run.purpose}: ${name}: ${reason}`, {
    hint,
  });
}

/**
 * Returns text without the user names and passwords of its URLs.
 */
export function hideCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@'"]+@/gi, '$1***@');
}

/**
 * Finds the line that says most: the last one with an exception or a compiler's error, which stand deep in what a build
 * writes; else the first that the tool begins with `error`; else the last one.
 */
function lastError(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !emptyError.test(line));
  const line =
    lines.findLast((each) => /(^|\s)([\w.]*[a-z]Error|fatal error): \S/.test(each)) ??
    lines.find((each) => /^\s*(error|×)\b/i.test(each)) ??
    lines.at(-1) ??
    '';
  return printable(line.trim().replace(/^error:?\s*/i, ''));
}

/** What pip says above the output of a build, and means nothing without it. */
const emptyError = /^\s*error:?\s*(subprocess-exited-with-error|metadata-generation-failed)?\s*$/i;
