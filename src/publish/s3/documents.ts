import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { Document, ReplaceOptions, ReplaceOutcome } from '../store.ts';
import { documentDeadlineMs, limited } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { isObjectMissing, isTaken } from './sdk-failure.ts';

/** Reads a document; its tag is the server's ETag. Throws the SDK's errors. */
export async function readDocument(
  bucket: Bucket,
  key: string,
  signal: AbortSignal,
): Promise<Document | undefined> {
  try {
    const request = { Bucket: bucket.name, Key: key };
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(documentDeadlineMs)]);
    const answer = await bucket.client.getObject(request, { abortSignal: inTime });
    const body = answer.Body?.transformToWebStream() ?? Readable.from([]);
    return { text: await textOf(limited(body)), tag: answer.ETag ?? '' };
  } catch (cause) {
    if (isObjectMissing(cause)) return undefined;
    throw cause;
  }
}

/** Replaces a document by a conditional PUT. Throws the SDK's errors. */
export async function replaceDocument(
  place: { readonly bucket: Bucket; readonly key: string },
  text: string,
  { contentType = 'application/json', tag, signal }: ReplaceOptions,
): Promise<ReplaceOutcome> {
  const { bucket, key } = place;
  try {
    await bucket.client.putObject(
      {
        Bucket: bucket.name,
        Key: key,
        Body: text,
        ContentType: contentType,
        // What changes must not be kept by a cache on the way to a client.
        CacheControl: 'no-cache',
        ...(tag === null ? { IfNoneMatch: '*' } : { IfMatch: tag }),
      },
      { abortSignal: signal },
    );
    return 'stored';
  } catch (cause) {
    // Missing: it was removed since it was read.
    if (isTaken(cause) || isObjectMissing(cause)) return 'changed';
    throw cause;
  }
}
