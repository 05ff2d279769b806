import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { printable, printableJson, printableLines } from '../core/printable.ts';

const reportAddress = 'https://github.com/saddlebag/saddlebag/issues';

/**
 * Renders a failure for people: what went wrong and the next action, or for a bug of ours the stack and where to tell.
 */
export function renderFailure(cause: unknown): string {
  if (cause instanceof SaddlebagError) {
    const hint = cause.hint === undefined ? [] : [`  hint: ${printable(cause.hint)}`];
    return `saddlebag: ${[printableLines(cause.message), ...hint].join('\n')}\n`;
  }
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return `saddlebag: this is a bug in saddlebag, please report it at ${reportAddress}\n${printableLines(stack)}\n`;
}

/**
 * Renders a failure for programs: one JSON object on one line; a bug of ours brings its stack.
 */
export function renderFailureJson(cause: unknown): string {
  const error = cause instanceof SaddlebagError ? known(cause) : bug(cause);
  return `${printableJson(JSON.stringify({ error }))}\n`;
}

function known({ code, message, hint, exitCode }: SaddlebagError) {
  return { code, message, hint: hint ?? null, exitCode };
}

function bug(cause: unknown) {
  return {
    code: 'bug',
    message: String(cause),
    hint: `report it at ${reportAddress}`,
    exitCode: exitCodes.failed,
    stack: cause instanceof Error ? (cause.stack ?? null) : null,
  };
}
