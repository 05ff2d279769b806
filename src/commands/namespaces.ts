import type { Bundle } from '../core/types.ts';

/** Says whether a bundle starts where user namespaces are forbidden, and if not why, in one line. */
export function describeNamespaces({ relocateRefusal, binds }: Bundle): string {
  return `runs without user namespaces: ${relocateRefusal === null ? condition(binds) : `no: ${relocateRefusal}`}`;
}

function condition(binds: Bundle['binds']): string {
  const targets = binds.map(({ target }) => target);
  return targets.length === 0 ? 'yes' : `yes, where the host has ${targets.join(', ')}`;
}
