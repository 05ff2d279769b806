import { describe, expect, it } from 'vitest';
import { parseRegistrations } from '../../../bundler/closure/nix.ts';
import { fakeStorePath } from '../../helpers/closures.ts';

const [app, libc] = [fakeStorePath('app-1.0', 'b'), fakeStorePath('libc-2', 'a')];

/** What nix-store 2.8 prints for a path with and one without a deriver. */
const dump = [
  ...[app, 'a'.repeat(64), '1234', `${fakeStorePath('app-1.0.drv', 'c')}`, '2', app, libc],
  ...[libc, 'b'.repeat(64), '99', '', '0'],
  '',
].join('\n');

describe('parseRegistrations', () => {
  it('reads paths with their references, without those to themselves', () => {
    expect(parseRegistrations(dump)).toEqual([
      { storePath: app, references: [libc] },
      { storePath: libc, references: [] },
    ]);
  });

  it.each([
    ['that is cut off', dump.split('\n').slice(0, 6).join('\n')],
    ['without a number', dump.replace('\n2\n', '\ntwo\n')],
    ['of something else', 'error'],
  ])('refuses text %s', (_, text) => {
    expect(() => parseRegistrations(text)).toThrow(
      expect.objectContaining({
        code: 'nix-failed',
        message: 'cannot read the closure: unexpected output of nix-store at line 5',
      }),
    );
  });
});
