import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { describeCause, SaddlebagError } from '../../core/errors.ts';
import type { Artifact } from '../../core/types.ts';
import { textContent } from '../content.ts';
import type { Store } from '../store.ts';
import { signedDigest } from './check-signature.ts';
import { renderSignature, type SecretKey } from './minisign.ts';
import { type DescribedFile, renderProvenance } from './provenance.ts';

/** A published file. */
export interface PublishedFile {
  readonly store: Store;
  readonly key: string;
}

/**
 * Puts beside a published file what it was made of (`.provenance.json`) and its bill of materials (`.cdx.json`). What is
 * there stays: the first who published these bytes has said where they come from.
 * @throws {SaddlebagError} what the store throws
 */
export async function putProvenance(
  { store, key }: PublishedFile,
  { described, revision }: { readonly described: DescribedFile; readonly revision: string | null },
  signal: AbortSignal,
): Promise<void> {
  const files = [
    {
      suffix: '.provenance.json',
      contentType: 'application/json',
      render: () => renderProvenance(described, revision),
    },
    {
      suffix: '.cdx.json',
      contentType: 'application/vnd.cyclonedx+json',
      render: async () => (await import('./sbom.ts')).renderSbom(described),
    },
  ];
  for (const { suffix, contentType, render } of files) {
    if (await isThere(store, key + suffix, signal)) continue;
    await store.put(key + suffix, textContent(await render()), { contentType, signal });
  }
}

/** Without the right to list, S3 answers "access denied" for what is not there; storing it tells. */
async function isThere(store: Store, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await store.head(key, signal)) !== undefined;
  } catch (cause) {
    if (cause instanceof SaddlebagError && cause.code === 'access-denied') return false;
    throw cause;
  }
}

/**
 * Signs a file and puts the signature beside it (`.minisig`), in place of one by another key; returns its text.
 * @throws {SaddlebagError} `file-unreadable`, and what the store throws
 */
export async function putSignature(
  { store, key }: PublishedFile,
  signed: { readonly file: string; readonly artifact: Artifact; readonly secretKey: SecretKey },
  signal: AbortSignal,
): Promise<string> {
  const { artifact, file, secretKey } = signed;
  const comment = signedDigest(artifact.checksum.slice('sha256:'.length), artifact.fileName);
  const text = renderSignature(secretKey, await blake2b512OfFile(file, signal), comment);
  const beside = `${key}.minisig`;
  for (;;) {
    const current = await store.readDocument(beside, signal);
    if (current?.text === text) return text;
    const options = { tag: current?.tag ?? null, contentType: 'text/plain; charset=utf-8', signal };
    if ((await store.replaceDocument(beside, text, options)) === 'stored') return text;
  }
}

async function blake2b512OfFile(file: string, signal: AbortSignal): Promise<Buffer> {
  const hash = createHash('blake2b512');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) hash.update(chunk);
  } catch (cause) {
    signal.throwIfAborted();
    throw new SaddlebagError('file-unreadable', `cannot read ${file}: ${describeCause(cause)}`, { cause });
  }
  return hash.digest();
}
