import { describe, expect, it } from 'vitest';
import { parseDuration, renderDuration } from '../../../deploy/job/duration.ts';

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['2m500ms', 120_500],
    ['0s', 0],
  ])('reads %s and writes it again', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
    expect(renderDuration(durationMs)).toBe(text);
  });

  it.each(['', '5', 's', '5 s', '-5s', '1.5h', '5d', '99999999999999999999h'])('refuses "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
