import { createHash } from 'node:crypto';
import { bundleFileName } from '../core/bundle-name.ts';
import type { Context } from '../core/context.ts';
import { SaddlebagError } from '../core/errors.ts';
import type { Piece } from '../core/piece.ts';
import { type Reporter, silentReporter } from '../core/reporter.ts';
import type { Artifact, Bundle } from '../core/types.ts';
import { formatBytes } from '../core/units.ts';
import { settleAccess } from './access.ts';
import { type Content, fileContent, proveContent, textContent } from './content.ts';
import { type FoundDelta, findDelta, type ReadPieces } from './delta.ts';
import { uploadBytesOf } from './delta-plan.ts';
import { type AskDownload, downloadLocation } from './download.ts';
import { artifactKey } from './key.ts';
import type { Delta, Store } from './store.ts';

/** What of a bundle is needed to publish it. */
export type Publishable = Pick<
  Bundle,
  'name' | 'appVersion' | 'arch' | 'file' | 'sizeBytes' | 'sha256' | 'closureSha256' | 'imageSettings'
> & {
  readonly entrypoint: Pick<Bundle['entrypoint'], 'interpreter' | 'init'>;
  /** Of the file; null where its SHA-256 is only remembered, as in `ContentDigest`. */
  readonly crc32: number | null;
  /** Of what the file is made; undefined where nothing is known of that. */
  readonly pieces?: readonly Piece[];
};

/** What is published, where to and under which name. */
export interface PublishOptions {
  readonly bundle: Publishable;
  readonly store: Store;
  /** Put before the name in the key; empty for none. */
  readonly prefix: string;
  /** What clients find the keys below, instead of the store's own; no slash at its end. */
  readonly downloadBase?: string;
  /** Reads of what an earlier release is made, so that what the bundle shares with it is not sent again. */
  readonly readPieces?: ReadPieces;
  /** Asks the download URL at the end: what needs credentials gets an `s3::` source, other trouble is warned of. */
  readonly ask?: AskDownload;
  /** True where clients get a signed URL: then it is no trouble that the plain one is refused. */
  readonly isSigned?: boolean;
  /** Kept with the bundle's object where the store can. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A decided publication: where the file goes, and what comes out. */
export interface Publication {
  readonly key: string;
  readonly artifact: Artifact;
  /** True when the store holds the same bytes already. */
  readonly isThere: boolean;
  /** What is sent: nothing, the file, or what none of the earlier releases has. */
  readonly sendBytes: number;
  readonly delta?: FoundDelta;
}

type PublishContext = Pick<Context, 'reporter' | 'signal'>;

/**
 * Decides key, URL and whether anything has to be sent. Reads from the store and writes nothing.
 * @throws {SaddlebagError} `key-invalid`, `object-differs`, and what the store throws
 */
export async function planPublication(
  options: PublishOptions,
  context: PublishContext,
): Promise<Publication> {
  const { bundle, store, prefix } = options;
  const fileName = bundleFileName(bundle);
  const key = artifactKey({ prefix, name: bundle.name, sha256: bundle.sha256, fileName });
  const artifact: Artifact = {
    version: 1,
    name: bundle.name,
    appVersion: bundle.appVersion,
    arch: bundle.arch,
    interpreter: bundle.entrypoint.interpreter,
    init: bundle.entrypoint.init,
    imageSettings: bundle.imageSettings,
    ...downloadLocation(options.downloadBase ?? store.downloadBase, key, bundle.sha256),
    fileName,
    sizeBytes: bundle.sizeBytes,
    closureSha256: bundle.closureSha256,
  };
  // The first word with a server: one that is silent should not leave its user without any.
  step(context, `looking whether ${store.describe(key)} is there`);
  const isThere = await holdsSame({ store, key }, bundle, { ...context, deniedMeansAbsent: true });
  if (isThere) return { key, artifact, isThere, sendBytes: 0 };
  const { pieces } = bundle;
  const { readPieces } = options;
  const delta =
    pieces === undefined || readPieces === undefined
      ? undefined
      : await findDelta({ store, prefix, artifact, pieces, readPieces }, context);
  return delta === undefined
    ? { key, artifact, isThere, sendBytes: artifact.sizeBytes }
    : { key, artifact, isThere, sendBytes: uploadBytesOf(delta.parts), delta };
}

/**
 * Sends a bundle and the file of its digest beside it (`<file>.sha256`, for `sha256sum -c`), unless the same bytes are
 * there already, and checks what the store then holds. Warns when clients could not fetch it.
 * @throws {SaddlebagError} `key-invalid`, `object-differs`, `object-lost`, `file-changed`, `file-unreadable`, and what
 * the store throws
 */
export async function publish(
  options: PublishOptions,
  context: PublishContext,
): Promise<Pick<Publication, 'key' | 'artifact'>> {
  const { ask, bundle, store } = options;
  const publication = await planPublication(options, context);
  const { key, artifact, isThere, delta } = publication;
  const content = fileContent(bundle.file, bundle);
  if (isThere) {
    await proveContent(content, context.signal);
    step(context, 'nothing to send: it is');
  } else {
    step(context, `sending ${describeSending(publication)}`);
    const file: StoredFile = {
      content,
      contentType: 'application/octet-stream',
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
      delta,
    };
    await send({ store, key }, file, context);
  }
  await store.removeLeftovers(key, context.signal);
  const sums = digestFile(artifact);
  const beside = { store, key: `${key}.sha256` };
  if (!(await holdsSame(beside, sums.content, { ...context, deniedMeansAbsent: true }))) {
    await send(beside, sums, { ...context, reporter: silentReporter });
  }
  return {
    key,
    artifact: ask === undefined ? artifact : await settleAccess(options, { key, artifact }, context),
  };
}

/**
 * Says what is sent, and of what the rest is made: `1.2 MB of 16.6 MB: the rest is copied from 1.4.0`.
 */
export function describeSending({
  artifact,
  delta,
  sendBytes,
}: Pick<Publication, 'artifact' | 'delta' | 'sendBytes'>): string {
  if (delta === undefined) return formatBytes(sendBytes);
  const { appVersion, checksum } = delta.source;
  // A version may have several builds, of which only the digest tells which it is.
  const source = appVersion === artifact.appVersion ? checksum.slice(0, 'sha256:'.length + 12) : appVersion;
  return `${formatBytes(sendBytes)} of ${formatBytes(artifact.sizeBytes)}: the rest is copied from ${source}`;
}

/** What an object is made of. */
export interface StoredFile {
  readonly content: Content;
  readonly contentType: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly delta?: Delta | undefined;
}

/** Returns the file beside an artifact that `sha256sum -c` takes. */
export function digestFile({ checksum, fileName }: Artifact): StoredFile {
  const sha256 = checksum.slice('sha256:'.length);
  return { content: textContent(`${sha256}  ${fileName}\n`), contentType: 'text/plain; charset=utf-8' };
}

/** Where one object is, or will be. */
interface Place {
  readonly store: Store;
  readonly key: string;
}

async function send(
  place: Place,
  { content, ...headers }: StoredFile,
  { reporter, signal }: PublishContext,
): Promise<void> {
  const { store, key } = place;
  const onProgress = (doneBytes: number, totalBytes: number) =>
    reporter.report({ kind: 'progress', stage: 'publish', doneBytes, totalBytes });
  const onNotice = noticeTeller(reporter);
  const outcome = await store.put(key, content, { ...headers, signal, onProgress, onNotice });
  // Another publisher was faster: what it stored is checked like our own, but ours may not have been read to its end.
  if (outcome === 'taken') await proveContent(content, signal);
  if (!(await holdsSame(place, content, { signal, deniedMeansAbsent: false }))) {
    throw new SaddlebagError(
      'object-lost',
      `cannot publish ${store.describe(key)}: it is gone after it was sent`,
      {
        hint: 'look for what deletes there (a lifecycle rule, another program), then publish again',
      },
    );
  }
}

/** Says each thing once: what is tried many times a second would fill the screen. */
function noticeTeller(reporter: Reporter): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    told.add(message);
    reporter.report({ kind: 'detail', stage: 'publish', message });
  };
}

/**
 * Tells whether the store holds these bytes at the key.
 * @throws {SaddlebagError} `object-differs` when it holds others
 */
async function holdsSame(
  { store, key }: Place,
  wanted: { readonly sizeBytes: number; readonly sha256: string },
  { signal, deniedMeansAbsent }: { readonly signal: AbortSignal; readonly deniedMeansAbsent: boolean },
): Promise<boolean> {
  const found = await store.head(key, signal).catch((cause: unknown) => {
    // Without the right to list, S3 answers "access denied" for what is not there. Sending will tell.
    if (deniedMeansAbsent && cause instanceof SaddlebagError && cause.code === 'access-denied') {
      return undefined;
    }
    throw cause;
  });
  if (found === undefined) return false;
  const sha256 =
    found.sizeBytes === wanted.sizeBytes ? (found.sha256 ?? (await readBack(store, key, signal))) : undefined;
  if (sha256 === wanted.sha256) return true;
  const reason =
    sha256 === undefined ? `${found.sizeBytes} bytes instead of ${wanted.sizeBytes}` : `sha256 ${sha256}`;
  throw new SaddlebagError(
    'object-differs',
    `cannot publish ${store.describe(key)}: other content is there (${reason})`,
    { hint: 'it is not what its key says, so nothing should use it: remove it and publish again' },
  );
}

async function readBack(store: Store, key: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of store.get(key, signal)) hash.update(chunk);
  return hash.digest('hex');
}

function step({ reporter }: PublishContext, message: string): void {
  reporter.report({ kind: 'step', stage: 'publish', message });
}
