// Node's own small buffers are parts of larger ones; those are far smaller than this.
const leastBytes = 1 << 20;

// From here on malloc takes memory from the system for each, and gives it back at once; what is smaller it keeps, and soon
// in many pieces. Source: mallopt(3), DEFAULT_MMAP_THRESHOLD_MAX.
const mappedBytes = (32 << 20) + 1;
const leastMappedBytes = 8 << 20;

/** How much to ask for where so many bytes are needed; what stays empty of it takes no memory. */
export function roomFor(bytes: number): number {
  return bytes < leastMappedBytes ? bytes : Math.max(bytes, mappedBytes);
}

/** Allocates a buffer for the tar of a frame; its bytes are anything. */
export function allocateBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafe(roomFor(bytes)).subarray(0, bytes);
}

/**
 * Frees a large buffer's memory now: it is empty from here on, and so is every other view of it. The garbage collector lets
 * some 64 MiB of buffers gather before it looks at them.
 */
export function freeBuffer({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= leastBytes) buffer.transfer(0);
}
