import { constants } from 'node:os';
import type { ImageSettings } from '../../../src/core/types.ts';

/**
 * Returns the signal that an image wants to be stopped by, by name (`SIGQUIT`); null where it does not say, or says what
 * Nomad does not send.
 */
export function imageKillSignal(image: ImageSettings | null): string | null {
  const text = image?.stopSignal ?? null;
  if (text === null) return null;
  const names = Object.entries(constants.signals);
  if (/^\d+$/.test(text)) return names.find(([, number]) => number === Number(text))?.[0] ?? null;
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  return names.some(([known]) => known === name) ? name : null;
}

/** Returns the port that an image listens on; null where it says none, or several. */
export function imagePort(image: ImageSettings | null): number | null {
  const ports = (image?.ports ?? []).flatMap((port) => {
    const match = /^(\d{1,5})(?:\/tcp)?$/.exec(port);
    return match === null ? [] : [Number(match[1])];
  });
  const [port, another] = ports;
  return port === undefined || another !== undefined || port < 1 || port > 65_535 ? null : port;
}
