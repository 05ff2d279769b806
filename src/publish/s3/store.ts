import { Readable } from 'node:stream';
import { buffer as bytesOf } from 'node:stream/consumers';
import { SaddlebagError } from '../../core/errors.ts';
import type { Content } from '../content.ts';
import { planParts } from '../parts.ts';
import {
  type ByteRange,
  limited,
  type PutOptions,
  type PutOutcome,
  type Store,
  type StoredObject,
} from '../store.ts';
import { type Bucket, connectBucket, type S3Options } from './bucket.ts';
import { readDocument, replaceDocument } from './documents.ts';
import { type S3Action, s3Failure } from './errors.ts';
import { abortUpload, listUploads } from './leftovers.ts';
import { Patience } from './patience.ts';
import { isAnswer, isObjectEmpty, isObjectMissing } from './sdk-failure.ts';
import { CopyFailure } from './send-parts.ts';
import { uploadInParts, uploadWhole } from './upload.ts';

/** What was asked of a store, and what ends it. */
interface Request {
  readonly verb: S3Action['verb'];
  readonly key: string;
  readonly signal?: AbortSignal;
}

/**
 * Opens a bucket of AWS, MinIO or another server that speaks S3. Objects carry their digest as `x-amz-meta-sha256`: what
 * S3 itself keeps for an object sent in parts is no SHA-256 of the whole.
 * @throws {SaddlebagError} as `connectBucket`; from the store, as `s3Failure` and `uploadInParts`
 */
export async function openS3Store(options: S3Options): Promise<Store> {
  const bucket = await connectBucket(options);
  const describe = (key: string) => `s3://${bucket.name}/${key}`;
  // A server that never answered is more often named wrong than out of reach for a moment.
  let hasAnswered = false;
  const patiently = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const result = hasAnswered
      ? await new Patience({ stallMs: bucket.stallMs, signal }).run(work)
      : await work();
    hasAnswered = true;
    return result;
  };
  const failure = (cause: unknown, { verb, key, signal }: Request): unknown => {
    // What the SDK throws then says no more than the reason of the signal.
    if (!(cause instanceof SaddlebagError)) signal?.throwIfAborted();
    return s3Failure(cause, { verb, object: describe(key), endpoint: bucket.url });
  };
  const translated = async <T>(request: Request, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw failure(cause, request);
    }
  };
  return {
    downloadBase: bucket.url,
    bucket: { name: bucket.name, region: bucket.region },
    describe,
    head: (key, signal) =>
      translated({ verb: 'read', key, signal }, () => patiently(signal, () => head(bucket, key, signal))),
    put: (key, content, settings) =>
      translated({ verb: 'write', key, signal: settings.signal }, () => put(bucket, key, content, settings)),
    readDocument: (key, signal) =>
      translated({ verb: 'read', key, signal }, () =>
        patiently(signal, () => readDocument(bucket, key, signal)),
      ),
    replaceDocument: (key, text, settings) =>
      translated({ verb: 'write', key, signal: settings.signal }, () =>
        patiently(settings.signal, () => replaceDocument({ bucket, key }, text, settings)),
      ),
    remove: (key, signal) =>
      translated({ verb: 'remove', key, signal }, async () => {
        await bucket.client.deleteObject({ Bucket: bucket.name, Key: key }, { abortSignal: signal });
      }),
    presign: (key, expiresInSeconds) =>
      translated({ verb: 'read', key }, () => presign(bucket, key, expiresInSeconds)),
    async *get(key, signal) {
      const request = { verb: 'read', key, signal } as const;
      const answer = await translated(request, () =>
        bucket.client.getObject({ Bucket: bucket.name, Key: key }, { abortSignal: signal }),
      );
      const body = answer.Body as AsyncIterable<Uint8Array>;
      try {
        yield* body;
      } catch (cause) {
        throw failure(cause, request);
      }
    },
    readRange: (key, range, signal) =>
      translated({ verb: 'read', key, signal }, () =>
        patiently(signal, () => readRange(bucket, key, range, signal)),
      ),
    removeLeftovers: (key, signal) => removeLeftovers(bucket, key, signal),
  };
}

async function head(bucket: Bucket, key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
  const request = { Bucket: bucket.name, Key: key, ChecksumMode: 'ENABLED' } as const;
  const ask = () => bucket.client.headObject(request, { abortSignal: signal });
  const answer = await ask().catch(async (cause: unknown) => {
    if (!isAnswer(cause)) throw cause;
    // Another publisher may have stored it between the two questions: then it is asked for once more.
    return (await isThere(bucket, key, signal)) ? ask() : undefined;
  });
  return (
    answer && {
      sizeBytes: answer.ContentLength ?? 0,
      sha256: serverSha256(answer.ChecksumSHA256) ?? answer.Metadata?.sha256,
    }
  );
}

/**
 * Asks for one byte. The answer to a HEAD has no body, so that a missing object and a missing bucket look alike, as do a
 * wrong secret and a missing permission: here the server says which.
 */
async function isThere(bucket: Bucket, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    const request = { Bucket: bucket.name, Key: key, Range: 'bytes=0-0' };
    const answer = await bucket.client.getObject(request, { abortSignal: signal });
    await answer.Body?.transformToByteArray();
    return true;
  } catch (cause) {
    if (isObjectMissing(cause)) return false;
    if (isObjectEmpty(cause)) return true;
    throw cause;
  }
}

/** Composite checksums, over those of the parts, end in a dash and the number of parts. */
function serverSha256(checksum: string | undefined): string | undefined {
  return checksum === undefined || checksum.includes('-')
    ? undefined
    : Buffer.from(checksum, 'base64').toString('hex');
}

async function put(bucket: Bucket, key: string, content: Content, options: PutOptions): Promise<PutOutcome> {
  const target = { bucket, key, metadata: { ...options.metadata, sha256: content.sha256 } };
  if (options.delta !== undefined) {
    try {
      return await uploadInParts(target, content, options.delta, options);
    } catch (cause) {
      if (!(cause instanceof CopyFailure)) throw cause;
      options.onNotice?.(`${cause.message}: sending all of it`);
    }
  }
  const parts = planParts(content.sizeBytes);
  return parts.length === 1
    ? uploadWhole(target, content, options)
    : uploadInParts(target, content, { parts, sourceKey: null }, options);
}

async function readRange(
  bucket: Bucket,
  key: string,
  { offset, length }: ByteRange,
  signal: AbortSignal,
): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  const request = { Bucket: bucket.name, Key: key, Range: `bytes=${offset}-${offset + length - 1}` };
  const answer = await bucket.client.getObject(request, { abortSignal: signal });
  // A server that knows no ranges sends the whole file.
  const bytes = await bytesOf(limited(answer.Body?.transformToWebStream() ?? Readable.from([]), length));
  if (bytes.length !== length) throw new Error(`it has ${bytes.length} bytes where ${length} were asked for`);
  return bytes;
}

async function presign(bucket: Bucket, key: string, expiresIn: number): Promise<string> {
  const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  return getSignedUrl(bucket.client, new GetObjectCommand({ Bucket: bucket.name, Key: key }), { expiresIn });
}

async function removeLeftovers(bucket: Bucket, key: string, signal: AbortSignal): Promise<void> {
  const target = { bucket, key, metadata: {} };
  try {
    for (const { id } of await listUploads(target, signal)) await abortUpload(target, id, signal);
  } catch {
    // Servers may refuse to list; then there is nothing that could be done.
    signal.throwIfAborted();
  }
}
