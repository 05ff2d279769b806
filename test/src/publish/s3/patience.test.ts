import { describe, it } from 'vitest';
import { Patience } from '../../../../src/publish/s3/patience.ts';

const { signal } = new AbortController();
const broken = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

/** An action that fails so often before it succeeds, and how often it was tried. */
function failing(times: number, cause: () => Error = broken) {
  const state = { tried: 0 };
  const action = async () => {
    state.tried += 1;
    if (state.tried <= times) throw cause();
    return 'done';
  };
  return { state, action };
}

// At once: each of them waits for a clock.
describe.concurrent('Patience', () => {
  it('repeats what passes, and tells each time', async ({ expect }) => {
    const told: unknown[] = [];
    const { state, action } = failing(2);
    const patience = new Patience({ stallMs: 60_000, signal, onRetry: (cause) => told.push(cause) });
    expect(await patience.run(action)).toBe('done');
    expect(state.tried).toBe(3);
    expect(told).toHaveLength(2);
  });

  it('gives up when nothing has moved for so long', async ({ expect }) => {
    const { state, action } = failing(Number.POSITIVE_INFINITY);
    await expect(new Patience({ stallMs: 300, signal }).run(action)).rejects.toThrow('socket hang up');
    expect(state.tried).toBeGreaterThan(1);
  });

  it('counts from what moved last', async ({ expect }) => {
    const patience = new Patience({ stallMs: 200, signal });
    // Counted from the start, the fourth failure would be the last: pauses end when the time is up.
    const { state, action } = failing(4);
    const moving = async () => {
      patience.moved();
      return action();
    };
    expect(await patience.run(moving)).toBe('done');
    expect(state.tried).toBe(5);
  });

  it('repeats nothing that stays as it is', async ({ expect }) => {
    const { state, action } = failing(1, () => new TypeError('a bug'));
    await expect(new Patience({ stallMs: 60_000, signal }).run(action)).rejects.toThrow('a bug');
    expect(state.tried).toBe(1);
  });

  it('ends with the signal, also while it waits', async ({ expect }) => {
    const controller = new AbortController();
    const { state, action } = failing(Number.POSITIVE_INFINITY);
    const onRetry = () => controller.abort();
    const patience = new Patience({ stallMs: 60_000, signal: controller.signal, onRetry });
    await expect(patience.run(action)).rejects.toThrow();
    expect(state.tried).toBe(1);
  });
});
