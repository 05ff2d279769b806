/**
 * Writes a size for people, in powers of ten as disks and networks count: `17.6 MB`.
 */
export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}

const spanMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * Parses a time span of seconds to weeks (`90s`, `12h`, `1d12h`, `4w`) into milliseconds; undefined when it is not one.
 */
export function parseTimeSpan(text: string): number | undefined {
  if (!/^(\d{1,6}[smhdw])+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smhdw])/g)];
  return parts.reduce((total, [, count, unit = '']) => total + Number(count) * (spanMs[unit] ?? 0), 0);
}

/**
 * Writes a time span for people: `0.4 s`, `12 s`, `3 min 5 s`.
 */
export function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Writes a moment (ISO 8601, in UTC) for people: to the second.
 */
export function formatMoment(moment: string): string {
  return moment.replace(/\.\d+Z$/, 'Z');
}

/**
 * Writes a revision for people: of git's 40 or 64 digits the first twelve, and `-dirty` where that is said; any other as
 * it is.
 */
export function formatRevision(revision: string): string {
  const [, hex, dirty = ''] = /^([0-9a-f]{40,})(-dirty)?$/.exec(revision) ?? [];
  return hex === undefined ? revision : `${hex.slice(0, 12)}${dirty}`;
}
