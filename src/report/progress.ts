import type { ReportEvent } from '../core/reporter.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import type { Rate } from './pace.ts';

const barWidth = 24;
const minimumColumnsForBar = 60;

/**
 * Renders a progress event as one line; `columns` is the width of the terminal, 0 where there is none (no bar then).
 * `rate`, where it is known, comes last: what is too long for the terminal loses it first.
 */
export function renderProgress(
  event: Extract<ReportEvent, { kind: 'progress' }>,
  columns: number,
  rate?: Rate,
): string {
  const share = event.totalBytes === 0 ? 1 : Math.min(1, event.doneBytes / event.totalBytes);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  const bytes = `${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)}`;
  const filled = Math.round(share * barWidth);
  const bar = columns >= minimumColumnsForBar ? `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ` : '';
  const line = `${event.stage.padEnd(8)} ${bar}${percent} %  ${bytes}`;
  if (rate === undefined) return line;
  const pace = `  ${formatBytes(rate.bytesPerSecond)}/s, ${formatDuration(rate.leftMs)} left`;
  return columns > 0 && line.length + pace.length >= columns ? line : line + pace;
}
