import type { ImageSettings } from './types.ts';

/** Tells whether a value that came from outside is an image's settings. */
export function isImageSettings(value: unknown): value is ImageSettings {
  if (typeof value !== 'object' || value === null) return false;
  const { user, ports, stopSignal } = value as Partial<Record<keyof ImageSettings, unknown>>;
  const isTextOrNull = (text: unknown) => text === null || typeof text === 'string';
  return (
    isTextOrNull(user) &&
    isTextOrNull(stopSignal) &&
    Array.isArray(ports) &&
    ports.every((port) => typeof port === 'string')
  );
}
