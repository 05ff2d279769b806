import type { Artifact } from '../core/types.ts';
import { connectionReasons } from './connection-reasons.ts';
import { encodeKey } from './key.ts';

const deadlineMs = 10_000;

/** How a URL answers who comes without credentials, as Nomad's clients do. */
export type DownloadAnswer =
  | { readonly kind: 'readable' }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'other-size'; readonly sizeBytes: number }
  | Unreachable;

/** From here; the clients may be in another network. */
interface Unreachable {
  readonly kind: 'unreachable';
  readonly reason: string;
}

/** Asks a URL for a file of `sizeBytes`. */
export type AskDownload = (url: string, sizeBytes: number, signal: AbortSignal) => Promise<DownloadAnswer>;

/**
 * Makes an `AskDownload` that goes by `send`: by HEAD, without credentials; it never throws but for the signal.
 */
export const askDownloadBy =
  (send: typeof fetch): AskDownload =>
  (url, sizeBytes, signal) =>
    reaching({ signal, deadlineMs }, async (either) => {
      // Of a compressed answer the length would not be the file's.
      const headers = { 'accept-encoding': 'identity' };
      const response = await send(url, { method: 'HEAD', headers, signal: either });
      if (!response.ok) return { kind: 'refused', status: response.status };
      const length = response.headers.get('content-length');
      return length === null || Number(length) === sizeBytes
        ? { kind: 'readable' }
        : { kind: 'other-size', sizeBytes: Number(length) };
    });

/** How long `askFirstByte` waits: it stands between a user and what was asked for. */
const firstByteDeadlineMs = 3_000;

/**
 * Asks a URL for its first byte by GET, as a download begins: a signature is over the method too. Without credentials;
 * never throws but for the signal.
 */
export function askFirstByte(
  url: string,
  send: typeof fetch,
  signal: AbortSignal,
): Promise<Exclude<DownloadAnswer, { readonly kind: 'other-size' }>> {
  return reaching({ signal, deadlineMs: firstByteDeadlineMs }, async (either) => {
    const headers = { 'accept-encoding': 'identity', range: 'bytes=0-0' };
    const response = await send(url, { headers, signal: either });
    // Who knows no ranges sends all of it.
    await response.body?.cancel();
    return response.ok ? { kind: 'readable' } : { kind: 'refused', status: response.status };
  });
}

/** Waits for `ask` until the deadline, and takes its failure for an answer, but for that of the signal. */
async function reaching<T>(
  { signal, deadlineMs }: { readonly signal: AbortSignal; readonly deadlineMs: number },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T | Unreachable> {
  try {
    return await ask(AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]));
  } catch (cause) {
    signal.throwIfAborted();
    return { kind: 'unreachable', reason: reasonOf(cause) };
  }
}

/** Says why fetch failed: it says "fetch failed" itself and keeps the reason in the cause, or one for each address of a name. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return 'no answer in time';
  if (cause.cause instanceof Error) return reasonOf(cause.cause);
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
  if (first !== undefined) return reasonOf(first);
  return connectionReasons[(cause as NodeJS.ErrnoException).code ?? ''] ?? cause.message;
}

/**
 * Writes the source by which clients with credentials fetch an object of a bucket: go-getter's `s3::`. Undefined where
 * its URLs cannot say where the bucket is: it takes `host/bucket/key` of any server, and of AWS's hosts those below
 * amazonaws.com in which the region is the second part, or for a bucket with dots the end of the first.
 * Source: hashicorp/go-getter, get_s3.go.
 */
export function s3Source(
  { base, name, region }: { readonly base: string; readonly name: string; readonly region: string },
  key: string,
  checksum: string,
): string | undefined {
  const server = s3Server(new URL(base), name, region);
  return server && `s3::${server}/${encodeKey(key)}?archive=false&checksum=${checksum}&region=${region}`;
}

function s3Server({ origin, hostname, pathname }: URL, name: string, region: string): string | undefined {
  if (hostname.endsWith('.amazonaws.com')) {
    return name.includes('.')
      ? `https://s3-${region}.amazonaws.com/${name}`
      : `https://${name}.s3.${region}.amazonaws.com`;
  }
  return pathname === `/${encodeURIComponent(name)}` ? origin + pathname : undefined;
}

/**
 * Joins the URL of an object and what an artifact block takes. `archive=false` keeps Nomad from unpacking a file whose
 * name happens to end in `.gz` or `.zip`.
 */
export function downloadLocation(
  base: string,
  key: string,
  sha256: string,
): Pick<Artifact, 'url' | 'source' | 'checksum'> {
  const url = `${base}/${encodeKey(key)}`;
  const checksum = `sha256:${sha256}`;
  return { url, source: `${url}?archive=false&checksum=${checksum}`, checksum };
}
