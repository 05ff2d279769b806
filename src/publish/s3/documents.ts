import type { Document, ReplaceOptions, ReplaceOutcome } from '../store.ts';
import { documentLimitBytes } from '../store.ts';
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
    const answer = await bucket.client.getObject(request, { abortSignal: signal });
    if ((answer.ContentLength ?? 0) > documentLimitBytes) {
      answer.Body?.transformToWebStream().cancel();
      throw new Error(`it has ${answer.ContentLength} bytes, which no document has`);
    }
    return { text: (await answer.Body?.transformToString()) ?? '', tag: answer.ETag ?? '' };
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
