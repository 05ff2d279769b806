import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from './sdk-failure.ts';

/** How long to go on trying. */
export interface PatienceOptions {
  /** Without any progress, in milliseconds. Not for the whole: how long that may take is a matter of line and size. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  /** Called with what went wrong each time before it is tried again. */
  readonly onRetry?: ((cause: unknown) => void) | undefined;
}

const firstDelayMs = 100;
const mostDelayMs = 5_000;

/**
 * Repeats what fails for reasons that pass (connections that break, a server that is busy), with growing pauses, until
 * nothing has moved for `stallMs`. Shared by all that goes on at once: a part that arrives shows that waiting is worth it.
 */
export class Patience {
  readonly #options: PatienceOptions;
  #movedAtMs = performance.now();

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Says that bytes have come further than ever, or that the server has answered. */
  moved(): void {
    this.#movedAtMs = performance.now();
  }

  /**
   * Runs `action` until it succeeds.
   * @throws what it threw last; the reason of the signal
   */
  async run<T>(action: () => Promise<T>): Promise<T> {
    const { signal, stallMs, onRetry } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await action();
        this.moved();
        return result;
      } catch (cause) {
        signal.throwIfAborted();
        const leftMs = this.#movedAtMs + stallMs - performance.now();
        if (leftMs <= 0 || !isTransient(cause)) throw cause;
        onRetry?.(cause);
        // Not all at once, when they have failed together.
        const pauseMs = Math.min(mostDelayMs, firstDelayMs * 2 ** attempt) * (0.5 + Math.random() / 2);
        await delay(Math.min(pauseMs, leftMs), undefined, { signal });
      }
    }
  }
}
