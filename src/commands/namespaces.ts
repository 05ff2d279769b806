import type { Bundle } from '../core/types.ts';

/** Says whether a bundle starts where user namespaces are forbidden, and if not why, in one line. */
export function describeNamespaces({
  relocateRefusal,
  binds,
}: Pick<Bundle, 'relocateRefusal' | 'binds'>): string {
  return `runs without user namespaces: ${relocateRefusal === null ? condition(binds) : `no: ${relocateRefusal}`}`;
}

/** A traced run may bring a hundred, of which the first ones tell what they are. */
const mostNamed = 8;

function condition(binds: Bundle['binds']): string {
  if (binds.length === 0) return 'yes';
  const named = binds.slice(0, mostNamed).map(({ target }) => target);
  const rest = binds.length - named.length;
  return `yes, where the host has ${named.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`;
}
