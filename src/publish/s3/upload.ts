import { crc32Base64 } from '../../core/crc32.ts';
import { SaddlebagError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import type { Content } from '../content.ts';
import { uploadBytesOf } from '../delta-plan.ts';
import type { Part } from '../parts.ts';
import type { PutOptions, PutOutcome } from '../store.ts';
import type { UploadTarget } from './bucket.ts';
import { s3Failure } from './errors.ts';
import { abortUpload, type HeldParts, listParts, listUploads } from './leftovers.ts';
import { Patience } from './patience.ts';
import { isAnswer, isPartReplaced, isTaken, isTransient, isUploadGone } from './sdk-failure.ts';
import { type SentParts, sendParts, type Upload } from './send-parts.ts';

/** How an object is made. */
export interface UploadPlan {
  readonly parts: readonly Part[];
  /** Whose bytes the copied parts are; null where there are none. */
  readonly sourceKey: string | null;
}

const abortDeadlineMs = 15_000;
/** How often an upload is begun anew that another publisher has removed or written into. */
const restarts = 3;

/**
 * Sends an object in one request; the server checks its SHA-256 before it shows it.
 */
export async function uploadWhole(
  target: UploadTarget,
  content: Content,
  options: PutOptions,
): Promise<PutOutcome> {
  const { bucket, key, metadata } = target;
  // Taken to the end before the first byte is sent: then the content is known to be what was promised.
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.chunks(Math.max(1, content.sizeBytes))) chunks.push(chunk);
  try {
    await patienceFor(target, options).run(() =>
      bucket.client.putObject(
        {
          Bucket: bucket.name,
          Key: key,
          Body: chunks[0] ?? new Uint8Array(),
          ContentType: options.contentType,
          Metadata: { ...metadata },
          ChecksumSHA256: Buffer.from(content.sha256, 'hex').toString('base64'),
          IfNoneMatch: '*',
        },
        { abortSignal: options.signal },
      ),
    );
  } catch (cause) {
    if (isTaken(cause)) return 'taken';
    throw cause;
  }
  options.onProgress?.(content.sizeBytes, content.sizeBytes);
  return 'stored';
}

/**
 * Sends an object in parts, several at once, with a checksum each and one over the whole that the server checks before it
 * shows the object. Goes on from what an upload that broke off has left; what a second publisher is just sending looks the
 * same, and both may complete it. When the server is out of reach for too long, what arrived stays for a next run;
 * whatever else goes wrong, it is removed.
 * @throws {SaddlebagError} `parts-left-behind` when even that failed; `CopyFailure`
 */
export async function uploadInParts(
  target: UploadTarget,
  content: Content,
  plan: UploadPlan,
  options: PutOptions,
): Promise<PutOutcome> {
  const patience = patienceFor(target, options);
  const totalBytes = uploadBytesOf(plan.parts);
  for (let round = 0; ; round++) {
    // One that somebody interferes with is not joined again.
    const joined = round === 0 ? await findUpload(target, plan, patience, options.signal) : undefined;
    if (joined !== undefined && joined.held.size > 0) options.onNotice?.(describeJoined(joined));
    const upload = joined ?? (await patience.run(() => createUpload(target, plan, options)));
    let doneBytes = 0;
    const onProgress = (bytes: number) => {
      doneBytes = bytes;
      options.onProgress?.(bytes, totalBytes);
    };
    try {
      const sent = await sendParts(upload, content, plan.parts, {
        patience,
        signal: options.signal,
        onProgress,
      });
      await patience.run(() => complete(upload, sent, options.signal));
      return 'stored';
    } catch (cause) {
      const disturbed = isUploadGone(cause) || isPartReplaced(cause);
      // Gone while it was completed: an answer was lost, or another publisher was faster. Else somebody has aborted it.
      if (disturbed && (await patience.run(() => isThere(target, options.signal)))) return 'taken';
      await giveUp(upload, cause, { doneBytes, signal: options.signal });
      if (isTaken(cause)) return 'taken';
      if (!disturbed || round >= restarts) throw cause;
    }
  }
}

function patienceFor({ bucket, key }: UploadTarget, { onNotice, signal }: PutOptions): Patience {
  const action = { verb: 'write', object: `s3://${bucket.name}/${key}`, endpoint: bucket.url } as const;
  const onRetry = (cause: unknown) => onNotice?.(`${s3Failure(cause, action).message}; trying again`);
  return new Patience({ stallMs: bucket.stallMs, signal, onRetry });
}

/** Not cancelled by the signal: an upload whose id never reached us could not be removed. */
async function createUpload(
  target: UploadTarget,
  { sourceKey }: UploadPlan,
  { contentType }: PutOptions,
): Promise<Upload> {
  const { bucket, key, metadata } = target;
  // MinIO takes no copy into an upload with checksums ("checksum missing", tried): there MD5 does their work.
  const checksums = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
  const created = await bucket.client.createMultipartUpload({
    Bucket: bucket.name,
    Key: key,
    ContentType: contentType,
    Metadata: { ...metadata },
    ...(sourceKey === null ? checksums : {}),
  });
  // Servers that know nothing of one checksum over the whole check those of the parts all the same.
  const checksum = created.ChecksumType === 'FULL_OBJECT' ? 'whole' : 'parts';
  return {
    ...target,
    id: created.UploadId ?? '',
    checksum: sourceKey === null ? checksum : 'none',
    held: new Map(),
    sourceKey,
  };
}

/** Finds an upload of the same key that can be gone on with. Where the server refuses to list, there is none. */
async function findUpload(
  target: UploadTarget,
  { parts, sourceKey }: UploadPlan,
  patience: Patience,
  signal: AbortSignal,
): Promise<Upload | undefined> {
  const unless = (cause: unknown) => {
    signal.throwIfAborted();
    if (isTransient(cause)) throw cause;
    return undefined;
  };
  const uploads = await patience.run(() => listUploads(target, signal)).catch(unless);
  for (const { id } of uploads ?? []) {
    const held = await patience.run(() => listParts(target, id, signal)).catch(unless);
    if (held?.checksum === undefined || !isCutAlike(held, parts)) continue;
    if (sourceKey !== null && held.checksum !== 'none') continue;
    return { ...target, id, checksum: held.checksum, held: held.parts, sourceKey };
  }
  return undefined;
}

function describeJoined({ held }: Upload): string {
  const heldBytes = [...held.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return `going on with an upload that broke off: ${formatBytes(heldBytes)} are there`;
}

function isCutAlike(held: HeldParts, parts: readonly Part[]): boolean {
  return [...held.parts].every(([number, { sizeBytes }]) => parts[number - 1]?.sizeBytes === sizeBytes);
}

async function complete(
  { bucket, key, id, checksum }: Upload,
  { parts, crc32 }: SentParts,
  signal: AbortSignal,
): Promise<void> {
  await bucket.client.completeMultipartUpload(
    {
      Bucket: bucket.name,
      Key: key,
      UploadId: id,
      MultipartUpload: { Parts: [...parts] },
      IfNoneMatch: '*',
      ...(checksum === 'whole'
        ? { ChecksumCRC32: crc32Base64(crc32), ChecksumType: 'FULL_OBJECT' as const }
        : {}),
    },
    { abortSignal: signal },
  );
}

async function isThere({ bucket, key }: UploadTarget, signal: AbortSignal): Promise<boolean> {
  try {
    await bucket.client.headObject({ Bucket: bucket.name, Key: key }, { abortSignal: signal });
    return true;
  } catch (cause) {
    // Without the right to list, S3 answers "access denied" for what is not there.
    if (isAnswer(cause) && !isTransient(cause)) return false;
    throw cause;
  }
}

/** Removes what has arrived, or says why it stays. Obeys a deadline and not the user's signal, which may be the reason. */
async function giveUp(
  upload: Upload,
  reason: unknown,
  { doneBytes, signal }: { readonly doneBytes: number; readonly signal: AbortSignal },
): Promise<void> {
  const { bucket, key, id } = upload;
  const action = { verb: 'write', object: `s3://${bucket.name}/${key}`, endpoint: bucket.url } as const;
  if (!signal.aborted && isTransient(reason)) {
    const { code, message, cause, hint } = s3Failure(reason, action);
    const goesOn = `run the same command again: it goes on from what has arrived (${formatBytes(doneBytes)})`;
    throw new SaddlebagError(code, message, {
      cause,
      hint: hint === undefined ? goesOn : `${goesOn}; ${hint}`,
    });
  }
  try {
    await abortUpload(upload, id, AbortSignal.timeout(abortDeadlineMs));
  } catch (cause) {
    if (isUploadGone(cause)) return;
    const failure = s3Failure(reason, action);
    throw new SaddlebagError('parts-left-behind', `${failure.message}; the parts that arrived stay`, {
      cause: failure,
      hint: `run the same command again, or remove them: aws s3api abort-multipart-upload --bucket ${bucket.name} --key '${key}' --upload-id ${id}`,
    });
  }
}
