import type { Unit } from './figure.ts';

/** Renders a value with its unit, no more exact than such measurements are: `0.8 ms`, `241 ms`, `2.48 s`, `17.6 MB`. */
export function formatValue(value: number, unit: Unit): string {
  if (unit === 'ms' && Math.abs(value) >= 1000) return `${digits(value / 1000)} s`;
  return `${digits(value)} ${unit}`;
}

/** As `formatValue`, with its sign. */
export function formatDifference(value: number, unit: Unit): string {
  return value < 0 ? `−${formatValue(-value, unit)}` : `+${formatValue(value, unit)}`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
