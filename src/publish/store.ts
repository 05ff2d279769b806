import type { Content } from './content.ts';
import type { Part } from './parts.ts';

/** What a store knows of an object without sending its bytes. */
export interface StoredObject {
  readonly sizeBytes: number;
  /** Lower-case hex; undefined when the store has no word on it, so that only reading it back can tell. */
  readonly sha256: string | undefined;
}

/** How an object is stored. */
export interface PutOptions {
  readonly contentType: string;
  readonly signal: AbortSignal;
  /** Called with the bytes that have arrived so far, of those that are to be sent; they grow from call to call. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Called with what does not go as planned, and what is done about it, in words. */
  readonly onNotice?: (message: string) => void;
  /** Kept with the object where the store can: names in small letters, values in ASCII. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What of the object another one holds already. */
  readonly delta?: Delta | undefined;
}

/** A way to make an object of what another one of the same store holds. */
export interface Delta {
  /** Of the other object. */
  readonly sourceKey: string;
  /** Of the new one, in their order. */
  readonly parts: readonly Part[];
}

/** A stretch of an object. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** `taken`: an object was there already and stays as it is. */
export type PutOutcome = 'stored' | 'taken';

/** A small object that changes, as it is now. */
export interface Document {
  readonly text: string;
  /** Names this content: it changes with it. */
  readonly tag: string;
}

/** How a document is replaced. */
export interface ReplaceOptions {
  /** Of the content that was read; null where there was no such document. */
  readonly tag: string | null;
  /** Default: application/json. */
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

/** `changed`: someone else wrote it since it was read, and that stays. */
export type ReplaceOutcome = 'stored' | 'changed';

/** Most bytes of a document: some ten thousand releases. */
const documentLimitBytes = 16 << 20;

/** How long the whole of a document may take; a server that sends a byte now and then is no better than a silent one. */
export const documentDeadlineMs = 60_000;

/**
 * Passes on what a server sends as a document, as an error or as a part of a file, as far as that can go: nobody vouches for
 * its length.
 * @throws {Error} beyond the limit
 */
export async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  mostBytes = documentLimitBytes,
): AsyncGenerator<Uint8Array, void> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes) throw new Error(`its answer is larger than ${mostBytes} bytes`);
    yield chunk;
  }
}

/** What a store offers to who only reads. */
export type ReadableStore = Pick<Store, 'describe' | 'head' | 'get' | 'readDocument'>;

/**
 * A place that keeps immutable objects under keys, as object storage does, and a few small documents that
 * change: `s3/store.ts` and `directory/store.ts`.
 *
 * Keys are those of `key.ts`. An object appears whole or not at all. Nothing half-sent stays behind, whether a call
 * fails or its signal is aborted, but where a server is out of reach: then the next `put` of the same key goes on from
 * it. Every failure is a SaddlebagError that names the object; an aborted signal may show as its reason instead.
 */
export interface Store {
  /** The URL below which clients find the objects: this, a slash and the encoded key; no slash at its end. */
  readonly downloadBase: string;

  /** What clients with credentials need to know of a bucket; undefined where the store is none. */
  readonly bucket?: { readonly name: string; readonly region: string };

  /** Names an object for people: `s3://apps/web/…`, `/srv/apps/web/…`. */
  describe(key: string): string;

  /** Returns undefined when there is no such object. */
  head(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;

  /** Reads an object from its first byte to its last. */
  get(key: string, signal: AbortSignal): AsyncIterable<Uint8Array>;

  /**
   * Reads some bytes of an object, just so many; null in a store that takes over nothing from one object into another:
   * there nobody has to ask what is in them.
   */
  readonly readRange: ((key: string, range: ByteRange, signal: AbortSignal) => Promise<Buffer>) | null;

  /** Stores an object unless the key is taken; two at once for the same key get one `stored` between them. */
  put(key: string, content: Content, options: PutOptions): Promise<PutOutcome>;

  /** Reads a small object that changes; undefined where there is none. */
  readDocument(key: string, signal: AbortSignal): Promise<Document | undefined>;

  /** Stores a document, unless someone else wrote it since it was read: of two at once, one gets `changed`. */
  replaceDocument(key: string, text: string, options: ReplaceOptions): Promise<ReplaceOutcome>;

  /** Makes a URL by which anyone may fetch an object for some time; undefined where the store signs none. */
  readonly presign?: (key: string, expiresInSeconds: number) => Promise<string>;

  /** Removes an object or a document; nothing happens where there is none. */
  remove(key: string, signal: AbortSignal): Promise<void>;

  /**
   * Removes what uploads of a key that broke off have left, once the object itself is there: then nobody needs it, and a
   * publisher who is still at it finds the object. Does what it can and never fails but for the signal.
   */
  removeLeftovers(key: string, signal: AbortSignal): Promise<void>;
}
