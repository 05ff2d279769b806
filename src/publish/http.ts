import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { SaddlebagError } from '../core/errors.ts';
import { reasonOf } from './download.ts';
import { encodeKey } from './key.ts';
import { documentDeadlineMs, limited, type ReadableStore } from './store.ts';

const deadlineMs = 30_000;

/** How a web server is asked. */
export interface HttpStoreOptions {
  readonly send?: typeof fetch;
  /** Put behind each URL, with its question mark: a signature. */
  readonly query?: string;
}

/**
 * Opens what a web server shows of a store (`saddlebag serve`, a public bucket, a CDN), to read from, without credentials.
 * @throws {SaddlebagError} from the store: `download-failed`
 */
export function openHttpStore(base: string, options: HttpStoreOptions = {}): ReadableStore {
  const { query = '', send = fetch } = options;
  const urlOf = (key: string) => `${base}/${encodeKey(key)}${query}`;
  return {
    // Without the query, which may hold a signature.
    describe: (key) => `${base}/${encodeKey(key)}`,
    head: async (key, signal) => {
      // A signature is over the method too, and what is signed is a GET.
      const method = query === '' ? 'HEAD' : 'GET';
      const response = await ask({ url: urlOf(key), method, send }, signal);
      await response?.body?.cancel();
      return (
        response && { sizeBytes: Number(response.headers.get('content-length') ?? 0), sha256: undefined }
      );
    },
    async *get(key, signal) {
      const url = urlOf(key);
      const response = await ask({ url, method: 'GET', send }, signal);
      if (response?.body == null) throw failed(url, 'it is not there');
      try {
        yield* response.body;
      } catch (cause) {
        signal.throwIfAborted();
        throw failed(url, reasonOf(cause));
      }
    },
    readDocument: async (key, signal) => {
      const url = urlOf(key);
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(documentDeadlineMs)]);
      const response = await ask({ url, method: 'GET', send }, inTime);
      if (response === undefined) return undefined;
      const text = await textOf(limited(response.body ?? Readable.from([]))).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw failed(url, reasonOf(cause));
      });
      return { text, tag: response.headers.get('etag') ?? '' };
    },
  };
}

/** Returns undefined for what is not there. */
async function ask(
  {
    url,
    method,
    send,
  }: { readonly url: string; readonly method: 'GET' | 'HEAD'; readonly send: typeof fetch },
  signal: AbortSignal,
): Promise<Response | undefined> {
  const answer = AbortSignal.timeout(deadlineMs);
  const response = await send(url, {
    method,
    // Of a compressed answer the length would not be the file's.
    headers: { 'accept-encoding': 'identity' },
    // The deadline is for the answer; its body may take as long as it does.
    signal: method === 'HEAD' ? AbortSignal.any([signal, answer]) : signal,
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw failed(url, reasonOf(cause));
  });
  if (response.ok) return response;
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  throw failed(url, `the server answers ${response.status}`);
}

function failed(url: string, reason: string): SaddlebagError {
  return new SaddlebagError('download-failed', `cannot read ${url.split('?')[0]}: ${reason}`, {
    hint: 'check the URL; what needs credentials is read by s3://BUCKET/PREFIX',
  });
}
