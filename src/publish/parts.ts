/** S3's own limits. Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits". */
export const partLimit = 10_000;
/** Of every part but the last. */
export const leastPartBytes = 5 << 20;
const mebibyte = 1 << 20;
/**
 * Three of them in flight cost 48 MiB of memory; smaller ones cost server and client a tenth more time over the
 * loopback.
 */
const usualPartBytes = 16 * mebibyte;

/** A part of an object: bytes that are sent, or that the server copies from another object of the bucket. */
export type Part =
  | { readonly kind: 'upload'; readonly offset: number; readonly sizeBytes: number }
  | {
      readonly kind: 'copy';
      readonly offset: number;
      readonly sizeBytes: number;
      /** Where the same bytes begin in the other object. */
      readonly sourceOffset: number;
    };

/** Returns how large uploaded parts of an object are: 16 MiB, more only beyond 156 GiB. */
export function partBytesFor(sizeBytes: number): number {
  const needed = Math.ceil(sizeBytes / partLimit / mebibyte) * mebibyte;
  return Math.max(usualPartBytes, needed);
}

/**
 * Plans the parts of an upload in their order: of one size all but the last, so that a later run cuts alike. An object that
 * goes in one piece has one part.
 */
export function planParts(sizeBytes: number): readonly Part[] {
  const partBytes = partBytesFor(sizeBytes);
  const count = Math.max(1, Math.ceil(sizeBytes / partBytes));
  return Array.from({ length: count }, (_, index) => ({
    kind: 'upload',
    offset: index * partBytes,
    sizeBytes: Math.min(partBytes, sizeBytes - index * partBytes),
  }));
}
