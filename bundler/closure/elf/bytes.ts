import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { unreadable } from '../unreadable.ts';

/** The content of a file of which only small parts are wanted: programs of 100 MB are never held in memory. */
export interface FileBytes {
  readonly length: number;
  /** Returns up to `size` bytes from `offset`; fewer only where the file ends. */
  slice(offset: number, size: number): Buffer;
}

/** A part of a file that gets new bytes; one behind its end makes it longer, with zeros between. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Gives bytes in memory the shape of a file's.
 */
export function bytesOf(buffer: Buffer): FileBytes {
  return { length: buffer.length, slice: (offset, size) => buffer.subarray(offset, offset + size) };
}

/**
 * Opens a file for reading parts of it; closed at the end of the `using` block. Read synchronously: an ELF file's
 * tables refer to one another, and a few reads of a page each are over before a promise would be.
 * @throws {SaddlebagError} `tree-unreadable`
 */
export function openBytes(file: string): FileBytes & Disposable {
  return guard(file, () => {
    const descriptor = openSync(file, 'r');
    return {
      length: fstatSync(descriptor).size,
      slice: (offset: number, size: number) =>
        guard(file, () => {
          const buffer = Buffer.alloc(size);
          return buffer.subarray(0, readSync(descriptor, buffer, 0, size, offset));
        }),
      [Symbol.dispose]: () => closeSync(descriptor),
    };
  });
}

function guard<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
