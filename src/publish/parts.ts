/** S3's own limit. Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits". */
const partLimit = 10_000;
const mebibyte = 1 << 20;
/** Above S3's least size of 5 MiB; four of them in flight cost 40 MiB of memory with the one that is read ahead. */
const usualPartBytes = 8 * mebibyte;

/** `partBytes` is the size of every part but the last; `count` is 1 for what goes in one piece. */
export interface PartPlan {
  readonly partBytes: number;
  readonly count: number;
}

/**
 * Plans the parts of an upload: 8 MiB each, more only where 10,000 of them would not hold the object (beyond 78 GiB).
 */
export function planParts(sizeBytes: number): PartPlan {
  const needed = Math.ceil(sizeBytes / partLimit / mebibyte) * mebibyte;
  const partBytes = Math.max(usualPartBytes, needed);
  return { partBytes, count: Math.max(1, Math.ceil(sizeBytes / partBytes)) };
}
