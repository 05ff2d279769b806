import { crc32 } from 'node:zlib';
import { SaddlebagError } from '../../core/errors.ts';
import type { Content } from '../content.ts';
import type { PartPlan } from '../parts.ts';
import type { PutOptions, PutOutcome } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { isTaken, isUploadGone, s3Failure } from './errors.ts';

/** An object to be, and the bucket for it. */
export interface UploadTarget {
  readonly bucket: Bucket;
  readonly key: string;
  /** Of the object, for `x-amz-meta-*`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A multipart upload that the server has opened. */
interface Upload extends UploadTarget {
  readonly id: string;
  /** Whether the server checks one checksum over the whole; those that do not know such take none. */
  readonly takesWholeChecksum: boolean;
}

/** Parts under way at once: enough to fill a gigabit line over some ten milliseconds, little enough for memory. */
const parallelParts = 4;
const abortDeadlineMs = 15_000;

/**
 * Sends an object in one request; the server checks its SHA-256 before it shows it.
 */
export async function uploadWhole(
  target: UploadTarget,
  content: Content,
  options: PutOptions,
): Promise<PutOutcome> {
  // Taken to the end before the first byte is sent: then the content is known to be what was promised.
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.chunks(Math.max(1, content.sizeBytes))) chunks.push(chunk);
  try {
    await target.bucket.client.putObject(
      {
        ...address(target),
        Body: chunks[0] ?? new Uint8Array(),
        ContentType: options.contentType,
        Metadata: { ...target.metadata },
        ChecksumSHA256: Buffer.from(content.sha256, 'hex').toString('base64'),
        IfNoneMatch: '*',
      },
      { abortSignal: options.signal },
    );
  } catch (cause) {
    if (isTaken(cause)) return 'taken';
    throw cause;
  }
  options.onProgress?.(content.sizeBytes);
  return 'stored';
}

/**
 * Sends an object in parts, several at once, with a CRC-32 each and one over the whole that the server checks before it
 * shows the object. Whatever goes wrong, the parts that arrived are removed again.
 * @throws {SaddlebagError} `parts-left-behind` when even that failed
 */
export async function uploadInParts(
  target: UploadTarget,
  content: Content,
  plan: PartPlan,
  options: PutOptions,
): Promise<PutOutcome> {
  // Not cancelled by the signal: an upload whose id never reached us could not be removed.
  const created = await target.bucket.client.createMultipartUpload({
    ...address(target),
    ContentType: options.contentType,
    Metadata: { ...target.metadata },
    ChecksumAlgorithm: 'CRC32',
    ChecksumType: 'FULL_OBJECT',
  });
  const upload: Upload = {
    ...target,
    id: created.UploadId ?? '',
    takesWholeChecksum: created.ChecksumType === 'FULL_OBJECT',
  };
  try {
    const sent = await sendParts(upload, content.chunks(plan.partBytes), options);
    await complete(upload, sent, options.signal);
    return 'stored';
  } catch (cause) {
    await abort(upload, cause);
    // Gone while it was completed: an answer was lost and the SDK asked again. The caller looks what is there.
    if (isTaken(cause) || isUploadGone(cause)) return 'taken';
    throw cause;
  }
}

interface SentPart {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumCRC32: string;
}

interface SentParts {
  readonly parts: readonly SentPart[];
  readonly wholeCrc32: string;
}

/** Reads in order, so that the content can be hashed as it is read, and sends out of order. */
async function sendParts(
  upload: Upload,
  chunks: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<SentParts> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const failures: unknown[] = [];
  const fail = (cause: unknown) => {
    failures.push(cause);
    stop.abort();
  };
  const parts: SentPart[] = [];
  const underWay = new Set<Promise<void>>();
  let wholeCrc32 = 0;
  let doneBytes = 0;
  const send = async (PartNumber: number, bytes: Uint8Array): Promise<void> => {
    const ChecksumCRC32 = crc32Base64(crc32(bytes));
    const { ETag } = await upload.bucket.client.uploadPart(
      { ...address(upload), UploadId: upload.id, PartNumber, Body: bytes, ChecksumCRC32 },
      { abortSignal: signal },
    );
    parts.push({ PartNumber, ETag, ChecksumCRC32 });
    doneBytes += bytes.length;
    options.onProgress?.(doneBytes);
  };
  try {
    let number = 0;
    for await (const bytes of chunks) {
      wholeCrc32 = crc32(bytes, wholeCrc32);
      while (underWay.size >= parallelParts) await Promise.race(underWay);
      if (signal.aborted) break;
      number++;
      const part = send(number, bytes)
        .catch(fail)
        .finally(() => underWay.delete(part));
      underWay.add(part);
    }
  } catch (cause) {
    fail(cause);
  }
  // Also after a failure: a part that arrived after the upload was aborted would stay.
  await Promise.all(underWay);
  options.signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return {
    parts: parts.sort((a, b) => a.PartNumber - b.PartNumber),
    wholeCrc32: crc32Base64(wholeCrc32),
  };
}

async function complete(upload: Upload, sent: SentParts, signal: AbortSignal): Promise<void> {
  await upload.bucket.client.completeMultipartUpload(
    {
      ...address(upload),
      UploadId: upload.id,
      MultipartUpload: { Parts: [...sent.parts] },
      IfNoneMatch: '*',
      ...(upload.takesWholeChecksum
        ? { ChecksumCRC32: sent.wholeCrc32, ChecksumType: 'FULL_OBJECT' as const }
        : {}),
    },
    { abortSignal: signal },
  );
}

/** Obeys a deadline and not the user's signal, which may be why it is called. */
async function abort(upload: Upload, reason: unknown): Promise<void> {
  try {
    await upload.bucket.client.abortMultipartUpload(
      { ...address(upload), UploadId: upload.id },
      { abortSignal: AbortSignal.timeout(abortDeadlineMs) },
    );
  } catch (cause) {
    if (isUploadGone(cause)) return;
    const { bucket, key } = upload;
    const failure = s3Failure(reason, {
      verb: 'write',
      object: `s3://${bucket.name}/${key}`,
      endpoint: bucket.url,
    });
    throw new SaddlebagError('parts-left-behind', `${failure.message}; the parts that arrived stay`, {
      cause: failure,
      hint: `remove them: aws s3api abort-multipart-upload --bucket ${bucket.name} --key '${key}' --upload-id ${upload.id}`,
    });
  }
}

function address(target: UploadTarget): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: target.bucket.name, Key: target.key };
}

function crc32Base64(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}
