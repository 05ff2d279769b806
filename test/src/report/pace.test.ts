import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/report/pace.ts';

const of = (doneBytes: number, totalBytes = 100_000) => ({ stage: 'publish', doneBytes, totalBytes });

describe('Pace', () => {
  it('says nothing before there is something to tell by', () => {
    const pace = new Pace();
    expect(pace.at(0, of(0))).toBeUndefined();
    expect(pace.at(900, of(900))).toBeUndefined();
    expect(pace.at(1000, of(1000))).toEqual({ bytesPerSecond: 1000, leftMs: 99_000 });
  });

  it('leaves out what was done when it began', () => {
    const pace = new Pace();
    pace.at(0, of(90_000));
    expect(pace.at(2000, of(92_000))).toEqual({ bytesPerSecond: 1000, leftMs: 8_000 });
  });

  it('follows a line that becomes slow', () => {
    const pace = new Pace();
    for (let second = 0; second <= 10; second++) pace.at(second * 1000, of(second * 5000));
    for (let second = 11; second <= 30; second++) pace.at(second * 1000, of(50_000 + (second - 10) * 100));
    const rate = pace.at(31_000, of(52_100));
    expect(rate?.bytesPerSecond).toBeCloseTo(100, 0);
  });

  it('begins anew with each piece of work, and when one begins again', () => {
    const pace = new Pace();
    pace.at(0, of(0));
    expect(pace.at(5000, of(5000))).toBeDefined();
    expect(pace.at(5001, { ...of(0), stage: 'check' })).toBeUndefined();
    expect(pace.at(5002, of(6000))).toBeUndefined();
    expect(pace.at(9000, of(7000))).toBeDefined();
    expect(pace.at(9001, of(0))).toBeUndefined();
  });

  it('says nothing while nothing moves', () => {
    const pace = new Pace();
    pace.at(0, of(500));
    expect(pace.at(60_000, of(500))).toBeUndefined();
  });
});
