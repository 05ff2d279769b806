import { describe, expect, it } from 'vitest';
import { orderPaths } from '../../../bundler/closure/order.ts';
import { fakeStorePath } from '../../helpers/closures.ts';

const path = (name: string, letter: string, ...references: ReturnType<typeof fakeStorePath>[]) => ({
  storePath: fakeStorePath(name, letter),
  references,
});

describe('orderPaths', () => {
  it('puts dependencies first, then goes by the name behind the hash', () => {
    const libc = path('libc', 'z');
    const bash = path('bash', 'y', libc.storePath);
    const data = path('data', 'x');
    const app = path('app', 'a', bash.storePath, data.storePath, libc.storePath);
    for (const given of [
      [app, bash, data, libc],
      [libc, data, bash, app],
    ]) {
      expect(orderPaths(given)).toEqual([data, libc, bash, app]);
    }
  });

  it('takes what became ready at its place among the rest', () => {
    const z = path('z', 'a');
    const m = path('m', 'b');
    const a = path('a', 'c', m.storePath);
    expect(orderPaths([z, m, a])).toEqual([m, a, z]);
  });

  it('does so where hundreds become ready at once', () => {
    const libc = path('libc', 'z');
    const names = Array.from({ length: 300 }, (_, at) => `lib${(at * 7919) % 1000}`);
    const libraries = names.map((name) => path(name, 'b', libc.storePath));
    const sorted = libraries.toSorted((a, b) => (a.storePath < b.storePath ? -1 : 1));
    expect(orderPaths([...libraries, libc])).toEqual([libc, ...sorted]);
  });

  it('goes by the whole path among equal names, and keeps one of two', () => {
    const [first, second] = [path('lib', 'a'), path('lib', 'b')];
    expect(orderPaths([second, first, second])).toEqual([first, second]);
  });

  it('does not wait for a reference to something else', () => {
    const app = path('app', 'a', fakeStorePath('elsewhere', 'b'));
    expect(orderPaths([app])).toEqual([app]);
  });

  it('refuses a cycle', () => {
    const [a, b] = [fakeStorePath('a', 'a'), fakeStorePath('b', 'b')];
    const cycle = [
      { storePath: a, references: [b] },
      { storePath: b, references: [a] },
    ];
    expect(() => orderPaths(cycle)).toThrow('the references of store paths form a cycle');
  });
});
