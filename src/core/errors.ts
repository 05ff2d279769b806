import type { ErrorCode } from './codes.ts';

/**
 * The process exit codes of `saddlebag`, one table for every command (docs/exit-codes.md).
 */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notPlaced: 3,
  reverted: 4,
  notReverted: 5,
  timedOut: 6,
  superseded: 7,
  waitsForPromotion: 8,
  jobChanged: 9,
  batchTaskFailed: 10,
  planChanges: 11,
  interrupted: 130,
} as const;

/** Any exit code of `saddlebag`. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What an error carries beside code and message. */
export interface SaddlebagErrorOptions {
  /** The next action for the reader, without a full stop. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Defaults to `exitCodes.failed`. */
  readonly exitCode?: ExitCode;
}

/**
 * Tells a failure that the user can act on. `code` is stable (docs/errors.md); the message reads
 * `cannot <verb> <object>: <reason>`. Anything else that is thrown is a bug of ours.
 */
export class SaddlebagError extends Error {
  override readonly name = 'SaddlebagError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, message: string, options: SaddlebagErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/**
 * Makes the error for work that Ctrl-C ended: `interrupted while <what>: <what is left behind>`.
 */
export function interrupted(what: string, outcome: string, hint: string): SaddlebagError {
  return new SaddlebagError('interrupted', `interrupted while ${what}: ${outcome}`, {
    hint,
    exitCode: exitCodes.interrupted,
  });
}

/**
 * Returns what is told of work that ended after Ctrl-C. What changes something says itself what is left behind; the rest
 * ends with the reason of the signal, which says nothing.
 */
export function toldAsInterrupted(what: string, cause: unknown): SaddlebagError {
  if (cause instanceof SaddlebagError) return cause;
  return interrupted(what, 'it has not come to its end', 'run the same command again');
}

/**
 * Names the reason of a system error in plain words (`no space left on device`), or returns its message.
 */
export function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const errno = (cause as NodeJS.ErrnoException).code;
  return (errno !== undefined && plainReasons[errno]) || cause.message;
}

/**
 * Says why a text is no JSON, without the piece of it that the parser repeats: a file of variables holds secrets.
 */
export function describeJsonFailure(cause: unknown): string {
  // `Unexpected token 'x', ..."word": xyz"... is not valid JSON`: one character of it is let stand.
  return describeCause(cause).replace(/, (?:\.\.\.)?".*$/s, '');
}

const plainReasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'it exists already',
  EISDIR: 'it is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'a part of the path is not a directory',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
};
