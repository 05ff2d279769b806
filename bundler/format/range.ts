import type { FileHandle } from 'node:fs/promises';
import { damaged } from './reader.ts';

/**
 * Reads `length` bytes at `offset` of a bundle.
 * @throws {SaddlebagError} `bundle-damaged` when the file ends before; nothing is allocated for a length that it lacks
 */
export async function readRange(
  handle: FileHandle,
  file: string,
  offset: number,
  length: number,
): Promise<Buffer> {
  const { size } = await handle.stat();
  if (offset + length > size) throw damaged(file, `it ends before byte ${offset + length}`);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw damaged(file, `it ends before byte ${offset + length}`);
    at += bytesRead;
  }
  return bytes;
}
