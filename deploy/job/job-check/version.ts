/** Tells whether a version of Nomad (`1.11.2`, `1.11.0-beta.1`, `2.0.5+ent`) is older than `wanted` (`1.11.0`). */
export function isOlder(version: string, wanted: string): boolean {
  const [ours, theirs] = [numbersOf(version), numbersOf(wanted)];
  for (const [index, number] of theirs.entries()) {
    const own = ours[index] ?? 0;
    if (own !== number) return own < number;
  }
  return false;
}

/** A beta of a version has what the version has. */
function numbersOf(version: string): readonly number[] {
  return (/^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0').split('.').map(Number);
}
