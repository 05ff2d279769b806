import { describe, it } from 'vitest';
import { expectNoWrongVerdict, expectRightVerdicts } from './chaos.ts';

describe('a watch through an agent that drops, delays and refuses', () => {
  it.concurrent.each([1, 2, 3, 4, 5])(
    'has the right verdict on every life, seed %i',
    expectRightVerdicts,
    60_000,
  );
  it.concurrent.each([6, 7, 8, 9, 10])('knows that it does not know, seed %i', expectNoWrongVerdict, 60_000);
});
