import { expect, it } from 'vitest';
import { formatRevision } from '../../../src/core/units.ts';

it.each([
  ['0123456789abcdef0123456789abcdef01234567', '0123456789ab'],
  ['0123456789abcdef0123456789abcdef01234567-dirty', '0123456789ab-dirty'],
  ['abcdef0', 'abcdef0'],
  ['release-of-may-2026', 'release-of-may-2026'],
])('writes the revision %s as %s', (revision, text) => {
  expect(formatRevision(revision)).toBe(text);
});
