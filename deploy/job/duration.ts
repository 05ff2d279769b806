const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Parses a duration as Nomad writes it (`30s`, `1h30m`, `500ms`) into milliseconds; undefined when it is not one.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(?:ms|s|m|h))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    totalMs += Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  }
  return Number.isSafeInteger(totalMs) ? totalMs : undefined;
}

/**
 * Renders milliseconds in the fewest units that tell them exactly: `1h30m`, `0s`.
 */
export function renderDuration(durationMs: number): string {
  let restMs = durationMs;
  let text = '';
  for (const unit of ['h', 'm', 's', 'ms']) {
    const sizeMs = unitMs[unit] ?? 1;
    const count = Math.floor(restMs / sizeMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * sizeMs;
  }
  return text === '' ? '0s' : text;
}
