import { expect, it } from 'vitest';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { randomFrom } from '../../helpers/random.ts';
import { rounds } from '../../helpers/rounds.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { hostileReaders, readHostileImage } from './readers.ts';

/** Each has a seed of its own. */
const seeds = rounds({ quick: 1_000, full: 20_000 });

/** Anything but an error of ours is a bug. */
function expectOwnError(cause: unknown, seed: number): void {
  if (!(cause instanceof SaddlebagError)) throw new Error(`seed ${seed}`, { cause });
}

it.each(Object.entries(hostileReaders))('%s that is odd is read or refused', (_, read) => {
  let refused = 0;
  for (let seed = 0; seed < seeds; seed++) {
    try {
      read(randomFrom(seed));
    } catch (cause) {
      expectOwnError(cause, seed);
      refused += 1;
    }
  }
  // Else what is tried would be too odd, or not odd at all.
  expect(refused).toBeLessThan(seeds);
});

it('an image that is odd is read or refused, and reaches nothing outside', async () => {
  const top = await temporaryDirectory();
  let read = 0;
  for (let seed = 0; seed < seeds / 10; seed++) {
    await readHostileImage(top, randomFrom(seed)).then(
      () => {
        read += 1;
      },
      (cause: unknown) => expectOwnError(cause, seed),
    );
  }
  expect(read).toBeGreaterThan(0);
});
