import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { printable } from '../core/printable.ts';

const reportAddress = 'https://github.com/saddlebag/saddlebag/issues';

/**
 * Renders a failure for people: what went wrong and the next action, or for a bug of ours the stack and where to tell.
 */
export function renderFailure(cause: unknown): string {
  if (cause instanceof SaddlebagError) {
    const lines = cause.message.split('\n').map(printable);
    const hint = cause.hint === undefined ? [] : [`  hint: ${printable(cause.hint)}`];
    return `saddlebag: ${[...lines, ...hint].join('\n')}\n`;
  }
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return `saddlebag: this is a bug in saddlebag, please report it at ${reportAddress}\n${stack}\n`;
}

/**
 * Renders a failure for programs: one JSON object on one line.
 */
export function renderFailureJson(cause: unknown): string {
  const error =
    cause instanceof SaddlebagError
      ? { code: cause.code, message: cause.message, hint: cause.hint ?? null, exitCode: cause.exitCode }
      : {
          code: 'bug',
          message: String(cause),
          hint: `report it at ${reportAddress}`,
          exitCode: exitCodes.failed,
        };
  return `${JSON.stringify({ error })}\n`;
}
