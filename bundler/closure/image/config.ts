import { posix } from 'node:path';
import type { EnvSetting, ImageSettings } from '../../../src/core/types.ts';
import { type Blobs, invalidImage } from './blobs.ts';
import type { ImageManifest } from './manifest.ts';

/** How an image runs, checked. */
export interface ImageConfig {
  /** Entrypoint, and what follows it. Never empty together with `defaultArgs`. */
  readonly command: readonly string[];
  /** Cmd: stand in for the user's arguments; where `command` is empty, the program is their first. */
  readonly defaultArgs: readonly string[];
  readonly env: readonly EnvSetting[];
  /** Absolute. */
  readonly workingDirectory: string;
  readonly settings: ImageSettings;
}

/** What a container's PATH is where its image says none. Source: Docker, `DefaultPathEnv`. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Reads what an image says of how it runs.
 * @throws {SaddlebagError} `image-invalid`
 */
export function parseConfig(blobs: Blobs, { config }: Pick<ImageManifest, 'config'>): ImageConfig {
  const texts = (key: string) => parseTexts(blobs, config[key], key);
  const text = (key: string) => parseText(blobs, config[key], key);
  const command = texts('Entrypoint');
  const defaultArgs = texts('Cmd');
  if (command.length + defaultArgs.length === 0) {
    throw invalidImage(blobs.image, 'it says neither Entrypoint nor Cmd: nothing would start', {
      hint: 'build it with ENTRYPOINT or CMD',
    });
  }
  return {
    command,
    defaultArgs,
    env: parseEnv(blobs, texts('Env')),
    // Relative to the image's root, as containers take it.
    workingDirectory: posix.resolve('/', text('WorkingDir')),
    settings: {
      user: text('User') || null,
      ports: parsePorts(blobs, config.ExposedPorts),
      stopSignal: text('StopSignal') || null,
    },
  };
}

/**
 * The caller's variables win, as with `docker run --env`, but for PATH: the host's leads to directories that the image
 * does not have.
 */
function parseEnv(blobs: Blobs, lines: readonly string[]): EnvSetting[] {
  const pairs = lines.map((line): [string, string] => {
    const at = line.indexOf('=');
    if (at < 1) throw invalidImage(blobs.image, `Env has ${JSON.stringify(line)}, which sets no variable`);
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return Object.entries({ PATH: defaultPath, ...Object.fromEntries(pairs) }).map(([name, value]) => ({
    name,
    value,
    policy: name === 'PATH' ? 'always' : 'where-unset',
  }));
}

/** Returns ports as the image has them, `8080/tcp`, sorted by number. */
function parsePorts(blobs: Blobs, value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object') throw invalidImage(blobs.image, 'ExposedPorts is not an object');
  return Object.keys(value)
    .map((port) => (port.includes('/') ? port : `${port}/tcp`))
    .filter((port) => /^\d{1,5}\/(tcp|udp)$/.test(port))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1));
}

function parseTexts(blobs: Blobs, value: unknown, key: string): readonly string[] {
  if (value === undefined || value === null) return [];
  const ok = Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'));
  if (!ok) throw invalidImage(blobs.image, `${key} is not a list of text`);
  return value;
}

function parseText(blobs: Blobs, value: unknown, key: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string' && !value.includes('\0')) return value;
  throw invalidImage(blobs.image, `${key} is not text`);
}
