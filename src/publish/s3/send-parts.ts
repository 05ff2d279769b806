import { crc32Base64 } from '../../core/crc32.ts';
import { sha256Hex } from '../../core/digest.ts';
import type { Content } from '../content.ts';
import { encodeKey } from '../key.ts';
import type { Part } from '../parts.ts';
import type { UploadTarget } from './bucket.ts';
import type { HeldPart, UploadChecksum } from './leftovers.ts';
import { PartBody } from './part-body.ts';
import { type LocalPart, PartReader } from './part-reader.ts';
import type { Patience } from './patience.ts';
import { isAnswer, isTransient, isUploadGone } from './sdk-failure.ts';

/** A multipart upload that the server has opened. */
export interface Upload extends UploadTarget {
  readonly id: string;
  readonly checksum: UploadChecksum;
  /** What of it had arrived when it was joined, by part number. */
  readonly held: ReadonlyMap<number, HeldPart>;
  /** Whose bytes copied parts are; null where there are none. */
  readonly sourceKey: string | null;
}

/** What has arrived, and what it was: all that the request that completes the upload says. */
export interface SentParts {
  /** In their order. */
  readonly parts: readonly SentPart[];
  /** Of the whole. */
  readonly crc32: number;
}

/** Tells that a part could not be copied, or not as it should be: then the object has to be sent whole. */
export class CopyFailure extends Error {
  override readonly name = 'CopyFailure';
}

/** A part that has arrived, as the request that completes the upload names it. */
export interface SentPart {
  readonly PartNumber: number;
  readonly ETag: string;
  readonly ChecksumCRC32?: string;
}

/** How parts are sent. */
export interface SendOptions {
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Called with the bytes that have arrived so far; they grow from call to call. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

/** Parts under way at once: enough to fill a gigabit line over some ten milliseconds, little enough for memory. */
const parallelParts = 3;
/** For parts that are read and not sent. */
const readBytes = 1 << 20;

/**
 * Reads parts of the file, one after the other, and sends them, several at once; what the server holds already is compared
 * and left there.
 * @throws {SaddlebagError} `file-changed` when they are not what was promised of the content; `CopyFailure`
 */
export async function sendParts(
  upload: Upload,
  content: Content,
  parts: readonly Part[],
  options: SendOptions,
): Promise<SentParts> {
  await using file = await content.open();
  const progress = new Progress(options);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const reader = new PartReader(file, content);
  const sender = { upload, reader, progress, patience: options.patience, signal };
  const sent: (SentPart | undefined)[] = parts.map(() => undefined);
  const failures: unknown[] = [];
  const waiting = parts.entries();
  const work = async (): Promise<void> => {
    const sizes = parts.map((part) => (part.kind === 'upload' ? part.sizeBytes : readBytes));
    const buffer = Buffer.allocUnsafeSlow(sizes.reduce((most, size) => Math.max(most, size), 0));
    for (const [index, part] of waiting) {
      if (signal.aborted) return;
      sent[index] = await send(sender, { part, number: index + 1, buffer });
    }
  };
  const workers = Array.from({ length: Math.min(parallelParts, parts.length) }, () =>
    work().catch((cause: unknown) => {
      failures.push(cause);
      stop.abort();
    }),
  );
  // Also after a failure: a part that arrived after the upload was aborted would stay.
  await Promise.all(workers);
  options.signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return { parts: sent.filter((each) => each !== undefined), crc32: reader.finish() };
}

/** What all parts of an upload are sent with. */
interface Sender {
  readonly upload: Upload;
  readonly reader: PartReader;
  readonly progress: Progress;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** A part to be sent, and memory for as much of it as is read at once. */
interface Task {
  readonly part: Part;
  readonly number: number;
  readonly buffer: Buffer;
}

async function send(sender: Sender, task: Task): Promise<SentPart> {
  const { upload, progress, reader } = sender;
  const { part, number, buffer } = task;
  const held = upload.held.get(number);
  const byMd5 =
    upload.checksum === 'none' || part.kind === 'copy' || (held !== undefined && held.crc32 === undefined);
  const local = await reader.read({ part, buffer, byMd5 });
  const named = (etag: string): SentPart => ({
    PartNumber: number,
    ETag: etag,
    ...(upload.checksum === 'none' ? {} : { ChecksumCRC32: crc32Base64(local.crc) }),
  });
  if (held !== undefined && isSame(held, part, local)) {
    if (part.kind === 'upload') progress.reach(number, part.sizeBytes);
    return named(held.etag);
  }
  const etag =
    part.kind === 'copy' ? await copy(sender, part, { number, local }) : await put(sender, task, local);
  if (part.kind === 'upload') progress.reach(number, part.sizeBytes);
  return named(etag);
}

function isSame(held: HeldPart, part: Part, local: LocalPart): boolean {
  if (held.sizeBytes !== part.sizeBytes) return false;
  return held.crc32 === undefined ? isMd5(held.etag, local) : held.crc32 === crc32Base64(local.crc);
}

/** With some ways of encryption the entity tag is no MD5, and equals none. */
function isMd5(etag: string | undefined, local: LocalPart): boolean {
  return local.md5 !== undefined && etag?.replaceAll('"', '') === local.md5.toString('hex');
}

async function put(sender: Sender, { part, number, buffer }: Task, local: LocalPart): Promise<string> {
  const { upload, patience, progress, signal } = sender;
  const { bucket, key, id } = upload;
  const bytes = buffer.subarray(0, part.sizeBytes);
  const payloadHash = bucket.signsPayload ? sha256Hex(bytes) : undefined;
  const checksum =
    upload.checksum === 'none'
      ? { ContentMD5: local.md5?.toString('base64') }
      : { ChecksumCRC32: crc32Base64(local.crc) };
  const answer = await patience.run(() =>
    bucket.client.uploadPart(
      {
        Bucket: bucket.name,
        Key: key,
        UploadId: id,
        PartNumber: number,
        Body: new PartBody(bytes, {
          ...(payloadHash === undefined ? {} : { payloadHash }),
          onTaken: (takenBytes) => progress.reach(number, takenBytes),
        }),
        ContentLength: bytes.length,
        ...checksum,
      },
      { abortSignal: signal },
    ),
  );
  return answer.ETag ?? '';
}

/** Has the server copy a part, and compares what it says of it with the file. */
async function copy(
  { upload, patience, signal }: Sender,
  part: Extract<Part, { kind: 'copy' }>,
  { number, local }: { readonly number: number; readonly local: LocalPart },
): Promise<string> {
  const { bucket, key, id, sourceKey } = upload;
  const last = part.sourceOffset + part.sizeBytes - 1;
  const request = {
    Bucket: bucket.name,
    Key: key,
    UploadId: id,
    PartNumber: number,
    CopySource: `${bucket.name}/${encodeKey(sourceKey ?? '')}`,
    CopySourceRange: `bytes=${part.sourceOffset}-${last}`,
  };
  const answer = await patience
    .run(() => bucket.client.uploadPartCopy(request, { abortSignal: signal }))
    .catch((cause: unknown) => {
      // The object may have been removed meanwhile, the server may copy nothing, or not from there.
      if (isAnswer(cause) && !isTransient(cause) && !isUploadGone(cause)) {
        throw new CopyFailure('the server does not copy', { cause });
      }
      throw cause;
    });
  const etag = answer.CopyPartResult?.ETag ?? '';
  if (!isMd5(etag, local)) throw new CopyFailure('what the server copied is not what the file holds');
  return etag;
}

/** Sums how far the parts that are sent have come. A part that is sent again counts once. */
class Progress {
  readonly #options: SendOptions;
  readonly #reached = new Map<number, number>();
  #doneBytes = 0;

  constructor(options: SendOptions) {
    this.#options = options;
  }

  reach(number: number, bytes: number): void {
    const before = this.#reached.get(number) ?? 0;
    if (bytes <= before) return;
    this.#reached.set(number, bytes);
    this.#doneBytes += bytes - before;
    this.#options.patience.moved();
    this.#options.onProgress?.(this.#doneBytes);
  }
}
