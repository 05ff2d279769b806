import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Sizes that take long to measure and never change: by compressor, and by the digest of what was compressed. */
const file = fileURLToPath(new URL('../../node_modules/.cache/saddlebag/sizes.json', import.meta.url));

function readKept(): Readonly<Record<string, number>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, number>>;
  } catch {
    return {};
  }
}

function keyOf(compressor: string, sha256: string): string {
  return `${compressor} sha256:${sha256}`;
}

/** Returns the size in bytes that an earlier run kept; undefined where none did. */
export function keptSize(compressor: string, sha256: string): number | undefined {
  return readKept()[keyOf(compressor, sha256)];
}

export function keepSize(compressor: string, sha256: string, sizeBytes: number): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ ...readKept(), [keyOf(compressor, sha256)]: sizeBytes }));
}
