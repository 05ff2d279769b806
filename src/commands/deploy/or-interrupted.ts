import type { Context } from '../../core/context.ts';
import { interrupted } from '../../core/errors.ts';

/**
 * Waits for what comes before a job is submitted; `what` is the job, or its file.
 * @throws {SaddlebagError} `interrupted` after Ctrl-C; what `work` throws
 */
export async function orInterrupted<T>(
  what: string,
  { signal }: Context,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw interrupted(`deploying ${what}`, 'nothing was submitted', 'run the same command again');
  }
}
