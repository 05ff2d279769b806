import { describe, it } from 'vitest';
import { expectNoWrongVerdict, expectRightVerdicts } from './chaos.ts';

/** Others than those of the quick tier. */
const seeds = Array.from({ length: 100 }, (_, index) => 1_000 + index);

describe('a watch through an agent that drops, delays and refuses', () => {
  it.concurrent.each(seeds)('has the right verdict on every life, seed %i', expectRightVerdicts);
  it.concurrent.each(seeds)('knows that it does not know, seed %i', expectNoWrongVerdict);
});
