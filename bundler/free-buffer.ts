// Node's own small buffers are parts of larger ones; those are far smaller than this.
const leastBytes = 1 << 20;

/**
 * Frees a large buffer's memory now: it is empty from here on, and so is every other view of it. The garbage collector lets
 * some 64 MiB of buffers gather before it looks at them.
 */
export function freeBuffer({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= leastBytes) buffer.transfer(0);
}
