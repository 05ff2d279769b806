import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { Publishable } from '../../../src/publish/publish.ts';

/**
 * Writes a file of random bytes and describes it as a bundle would be.
 */
export async function writePublishable(
  directory: string,
  options: { readonly sizeBytes?: number; readonly fileName?: string; readonly name?: string } = {},
): Promise<Publishable> {
  const { fileName = 'web-1.0-x86_64', name = 'web', sizeBytes = 1000 } = options;
  const bytes = randomBytes(sizeBytes);
  const file = join(directory, fileName);
  await writeFile(file, bytes);
  return {
    name,
    appVersion: '1.0',
    arch: 'x86_64',
    file,
    sizeBytes,
    sha256: sha256Hex(bytes),
    crc32: crc32(bytes),
    closureSha256: sha256Hex('closure'),
    entrypoint: { interpreter: null, init: false },
    imageSettings: null,
  };
}
