import { SaddlebagError } from '../../../src/core/errors.ts';

/**
 * Waits for work that has to fail with an error of ours, and returns it.
 */
export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<SaddlebagError> {
  let outcome: unknown;
  try {
    outcome = await (typeof work === 'function' ? work() : work);
  } catch (cause) {
    if (cause instanceof SaddlebagError) return cause;
    throw cause;
  }
  throw new Error('expected a SaddlebagError', { cause: outcome });
}
