import { createHash } from 'node:crypto';
import type { Context } from '../../core/context.ts';
import { SaddlebagError } from '../../core/errors.ts';
import type { ReadableStore } from '../store.ts';
import { isCommentSigned, isFileSigned, type PublicKey, parseSignature, type Signature } from './minisign.ts';

/** What is to be signed, and by whom. */
export interface SignedArtifact {
  readonly store: ReadableStore;
  readonly key: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** What the file is called where its release is described: application, version and processor. */
  readonly fileName: string;
  /** The text of the signature where it is known; otherwise it is read from beside the file. */
  readonly signature: string | undefined;
  readonly publicKey: PublicKey;
}

/** Says in a signature's trusted comment which file it is over, so that nobody has to read the file to know. */
export function signedDigest(sha256: string, fileName: string): string {
  return `sha256:${sha256}\tfile:${fileName}\thashed`;
}

/**
 * Checks that the owner of a key has signed an artifact. A signature of Saddlebag names the file's SHA-256 in its signed
 * comment, and what the file is called; for one that minisign itself has made, the file is read.
 * @throws {SaddlebagError} `signature-missing`, `signature-invalid`, and what the store throws
 */
export async function checkSignature(
  artifact: SignedArtifact,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<void> {
  const { fileName, publicKey, sha256 } = artifact;
  const signature = await readSignature(artifact, context);
  if (typeof signature === 'string') throw untrusted(artifact, `of its signature, ${signature}`);
  if (!signature.keyId.equals(publicKey.id)) {
    throw untrusted(
      artifact,
      `it is signed with the key ${idText(signature.keyId)}, not with ${idText(publicKey.id)}`,
    );
  }
  if (!isCommentSigned(publicKey, signature)) throw untrusted(artifact, 'its signature does not fit the key');
  // As `signedDigest` writes it; a file's name that minisign puts into its own comment stands further behind.
  const [, named, signedFile] =
    /^sha256:([0-9a-f]{64})(?:\tfile:([^\t]*))?(?:\t|$)/.exec(signature.trustedComment) ?? [];
  if (named === undefined) return checkFile(artifact, signature, context);
  if (named !== sha256) throw untrusted(artifact, `its signature is over sha256 ${named}`);
  // Else an older release, or another app's, would pass for this one.
  if (signedFile !== undefined && signedFile !== fileName) {
    throw untrusted(artifact, `its signature is over ${signedFile}, not over ${fileName}`);
  }
}

async function readSignature(
  { key, signature, store }: SignedArtifact,
  { signal }: Pick<Context, 'signal'>,
): Promise<Signature | string> {
  const text = signature ?? (await store.readDocument(`${key}.minisig`, signal))?.text;
  if (text !== undefined) return parseSignature(text);
  throw new SaddlebagError('signature-missing', `cannot trust ${store.describe(key)}: it is not signed`, {
    hint: 'publish it with --sign-key; or deploy without --public-key and SADDLEBAG_PUBLIC_KEY',
  });
}

async function checkFile(
  artifact: SignedArtifact,
  signature: Signature,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<void> {
  const { key, publicKey, sha256, store } = artifact;
  const message = `reading ${store.describe(key)}: its signature does not name its digest`;
  reporter.report({ kind: 'step', stage: 'verify', message });
  const [blake, sha] = [createHash('blake2b512'), createHash('sha256')];
  for await (const chunk of store.get(key, signal)) {
    blake.update(chunk);
    sha.update(chunk);
  }
  if (sha.digest('hex') !== sha256) throw untrusted(artifact, 'it is not the file that the checksum names');
  if (!isFileSigned(publicKey, signature, blake.digest()))
    throw untrusted(artifact, 'its signature does not fit the file');
}

function untrusted({ key, store }: SignedArtifact, reason: string): SaddlebagError {
  return new SaddlebagError('signature-invalid', `cannot trust ${store.describe(key)}: ${reason}`, {
    hint: 'deploy what was signed with the key that --public-key or SADDLEBAG_PUBLIC_KEY names, and nothing else',
  });
}

/** As minisign shows it. */
function idText(id: Buffer): string {
  return Buffer.from(id).reverse().toString('hex').toUpperCase();
}
