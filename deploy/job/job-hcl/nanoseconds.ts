import { renderDuration } from '../duration.ts';

/** Writes nanoseconds as HCL has them (`1h30m`); undefined stays what it is. */
export function duration<T extends number | undefined>(durationNs: T): T extends number ? string : undefined;
export function duration(durationNs: number | undefined): string | undefined {
  return durationNs === undefined ? undefined : renderDuration(durationNs / 1_000_000);
}
