/** Turns our unit of time into the API's. */
export function nanoseconds(durationMs: number): number {
  return durationMs * 1_000_000;
}
