import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What counts as small: read in well under a millisecond from memory. */
const smallBytes = 256 * 1024;

/**
 * Reads a small file whole; returns null for one that is not small. Synchronous: with promises, opening, reading and
 * closing 40,000 small files takes three times as long.
 * @throws the system's error when it cannot be read
 */
export function readSmallFile(file: string): Buffer | null {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size > smallBytes) return null;
    // One byte more shows the end, and a file that has grown.
    const buffer = Buffer.allocUnsafe(size + 1);
    const length = fill(descriptor, buffer);
    return length === buffer.length ? null : buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads a file into memory, from its beginning until its end or that of the memory; returns how many bytes. Synchronous, as
 * above.
 * @throws the system's error when it cannot be read
 */
export function readInto(file: string, memory: Buffer): number {
  const descriptor = openSync(file, 'r');
  try {
    return fill(descriptor, memory);
  } finally {
    closeSync(descriptor);
  }
}

function fill(descriptor: number, memory: Buffer): number {
  for (let length = 0; length < memory.length; ) {
    const count = readSync(descriptor, memory, length, memory.length - length, null);
    if (count === 0) return length;
    length += count;
  }
  return memory.length;
}
