import { expect, it } from 'vitest';
import { describeNamespaces } from '../../../src/commands/namespaces.ts';

it('names the first places where the host must have what the bundle would show', () => {
  const describe = (count: number) => {
    const binds = Array.from({ length: count }, (_, index) => ({
      source: '/nix/store/x',
      target: `/t${index + 1}`,
      policy: 'where-absent' as const,
    }));
    return describeNamespaces({ relocateRefusal: null, binds });
  };
  expect(describe(0)).toBe('runs without user namespaces: yes');
  expect(describe(2)).toBe('runs without user namespaces: yes, where the host has /t1, /t2');
  expect(describe(140)).toMatch(/ \/t7, \/t8 and 132 more$/);
});
