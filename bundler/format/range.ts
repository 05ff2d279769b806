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
  const bytes = Buffer.allocUnsafe(length);
  await fillRange(handle, file, bytes, offset);
  return bytes;
}

/**
 * Fills `bytes` with what stands at `offset` of a bundle.
 * @throws {SaddlebagError} `bundle-damaged` when the file ends before
 */
export async function fillRange(
  handle: FileHandle,
  file: string,
  bytes: Buffer,
  offset: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, offset + at);
    if (bytesRead === 0) throw damaged(file, `it ends before byte ${offset + bytes.length}`);
    at += bytesRead;
  }
}
