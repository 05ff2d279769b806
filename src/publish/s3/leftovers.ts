import type { UploadTarget } from './bucket.ts';

/** An upload that was begun and neither completed nor aborted: it broke off, or another publisher is at it. */
export interface OpenUpload {
  readonly id: string;
  readonly beganAt: Date;
}

/** A part that the server holds. */
export interface HeldPart {
  readonly sizeBytes: number;
  readonly etag: string;
  /** In Base64; undefined where the server keeps none. */
  readonly crc32: string | undefined;
}

/**
 * What the server checks: nothing by itself, so that each part carries its MD5; a CRC-32 with each part; one over the
 * whole as well, when the upload is completed.
 */
export type UploadChecksum = 'none' | 'parts' | 'whole';

/** What an upload consists of so far. */
export interface HeldParts {
  /** By part number, from 1. */
  readonly parts: ReadonlyMap<number, HeldPart>;
  /** Undefined for one that is not ours. */
  readonly checksum: UploadChecksum | undefined;
}

/**
 * Lists the open uploads of a key, the latest first. Asks for just this key: MinIO lists by whole keys only (tried).
 */
export async function listUploads(target: UploadTarget, signal: AbortSignal): Promise<readonly OpenUpload[]> {
  const { bucket, key } = target;
  const answer = await bucket.client.listMultipartUploads(
    { Bucket: bucket.name, Prefix: key },
    { abortSignal: signal },
  );
  return (answer.Uploads ?? [])
    .flatMap(({ Key, UploadId, Initiated }) =>
      Key === key && UploadId !== undefined ? [{ id: UploadId, beganAt: Initiated ?? new Date(0) }] : [],
    )
    .sort((a, b) => b.beganAt.getTime() - a.beganAt.getTime());
}

/**
 * Lists the parts of an open upload.
 */
export async function listParts(target: UploadTarget, id: string, signal: AbortSignal): Promise<HeldParts> {
  const { bucket, key } = target;
  const parts = new Map<number, HeldPart>();
  let checksum: UploadChecksum | undefined;
  for (let after: string | undefined; ; ) {
    const answer = await bucket.client.listParts(
      {
        Bucket: bucket.name,
        Key: key,
        UploadId: id,
        ...(after === undefined ? {} : { PartNumberMarker: after }),
      },
      { abortSignal: signal },
    );
    checksum = checksumOf(answer);
    for (const part of answer.Parts ?? []) {
      parts.set(part.PartNumber ?? 0, {
        sizeBytes: part.Size ?? -1,
        etag: part.ETag ?? '',
        crc32: part.ChecksumCRC32,
      });
    }
    const next = answer.NextPartNumberMarker;
    if (answer.IsTruncated !== true || next === undefined || next === after) return { parts, checksum };
    after = next;
  }
}

/** Reads what the server says of an upload; servers that know nothing of checksums leave it out, or empty. */
function checksumOf(answer: {
  readonly ChecksumAlgorithm?: string | undefined;
  readonly ChecksumType?: string | undefined;
}): UploadChecksum | undefined {
  const { ChecksumAlgorithm: algorithm = '', ChecksumType: type } = answer;
  if (algorithm === '') return 'none';
  if (algorithm !== 'CRC32') return undefined;
  return type === 'FULL_OBJECT' ? 'whole' : 'parts';
}

/**
 * Aborts an upload, so that its parts go. One that is gone already is as good.
 */
export async function abortUpload(target: UploadTarget, id: string, signal: AbortSignal): Promise<void> {
  await target.bucket.client.abortMultipartUpload(
    { Bucket: target.bucket.name, Key: target.key, UploadId: id },
    { abortSignal: signal },
  );
}
