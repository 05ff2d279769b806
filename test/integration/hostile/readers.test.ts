import { expect, it } from 'vitest';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { randomFrom } from '../../helpers/random.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { hostileReaders, readHostileImage } from './readers.ts';

/** `SADDLEBAG_FUZZ_ROUNDS=100000` looks further; each round has a seed of its own. */
const rounds = Number(process.env.SADDLEBAG_FUZZ_ROUNDS ?? 1_000);

/** Anything but an error of ours is a bug. */
function expectOwnError(cause: unknown, seed: number): void {
  if (!(cause instanceof SaddlebagError)) throw new Error(`seed ${seed}`, { cause });
}

it.each(Object.entries(hostileReaders))('%s that is odd is read or refused', (_, read) => {
  let refused = 0;
  for (let seed = 0; seed < rounds; seed++) {
    try {
      read(randomFrom(seed));
    } catch (cause) {
      expectOwnError(cause, seed);
      refused += 1;
    }
  }
  // Else what is tried would be too odd, or not odd at all.
  expect(refused).toBeLessThan(rounds);
});

it('an image that is odd is read or refused, and reaches nothing outside', async () => {
  const top = await temporaryDirectory();
  let read = 0;
  for (let seed = 0; seed < rounds / 10; seed++) {
    await readHostileImage(top, randomFrom(seed)).then(
      () => {
        read += 1;
      },
      (cause: unknown) => expectOwnError(cause, seed),
    );
  }
  expect(read).toBeGreaterThan(0);
});
