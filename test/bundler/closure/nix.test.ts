import { describe, expect, it } from 'vitest';
import { parseRegistrations } from '../../../bundler/closure/nix/registrations.ts';
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
    expect(parseRegistrations(dump, 'nix-store')).toEqual([
      { storePath: app, references: [libc] },
      { storePath: libc, references: [] },
    ]);
  });

  it('reads what exportReferencesGraph writes, which has no hashes', () => {
    const graph = [app, '', '2', app, libc, libc, `${fakeStorePath('libc-2.drv', 'd')}`, '0', ''].join('\n');
    expect(parseRegistrations(graph, '/closure')).toEqual(parseRegistrations(dump, 'nix-store'));
  });

  it.each([
    ['that is cut off', dump.split('\n').slice(0, 6).join('\n'), 5],
    ['without a number', dump.replace('\n2\n', '\ntwo\n'), 5],
    ['of something else', 'error', 3],
    ['with a reference that is none', dump.replace(`\n${app}\n${libc}`, `\n${app}\nlibc`), 7],
  ])('refuses text %s', (_, text, line) => {
    expect(() => parseRegistrations(text, 'nix-store')).toThrow(
      expect.objectContaining({
        code: 'nix-failed',
        message: `cannot read the closure: unexpected output of nix-store at line ${line}`,
      }),
    );
  });
});
