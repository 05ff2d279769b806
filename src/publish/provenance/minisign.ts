import { createPrivateKey, createPublicKey, type KeyObject, scryptSync, sign, verify } from 'node:crypto';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';

/**
 * Signatures in minisign's format: Ed25519 over the BLAKE2b-512 of a file. Node has all the primitives.
 * Source: https://jedisct1.github.io/minisign/, "Signature format", "Public key format", "Secret key format".
 */

/** A key that checks signatures. */
export interface PublicKey {
  /** Eight bytes that its signatures name. */
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** A key that signs. */
export interface SecretKey {
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** A signature taken apart. */
export interface Signature {
  readonly keyId: Buffer;
  /** Over the BLAKE2b-512 of the file. */
  readonly bytes: Buffer;
  /** Words of the signer that the second signature covers. */
  readonly trustedComment: string;
  /** Over `bytes` and the comment. */
  readonly commentBytes: Buffer;
}

/** How a public key is told: `RWQ…`, alone or in a file with a comment before it. */
const publicKeyBytes = 2 + 8 + 32;

/**
 * Parses a public key: the text of `minisign.pub`, or the one line in it that counts.
 * @throws {SaddlebagError} `public-key-invalid`
 */
export function parsePublicKey(text: string): PublicKey {
  const bytes = lastLineBytes(text);
  if (bytes?.length === publicKeyBytes && bytes.toString('latin1', 0, 2) === 'Ed') {
    return { id: bytes.subarray(2, 10), key: ed25519Public(bytes.subarray(10)) };
  }
  throw new SaddlebagError(
    'public-key-invalid',
    'cannot check signatures: that is no public key of minisign',
    {
      hint: 'give the file minisign.pub, or the line in it that begins with RW',
      exitCode: exitCodes.usage,
    },
  );
}

/**
 * Parses a secret key of minisign; `password` opens an encrypted one, which takes about a second and 1 GiB of memory, as
 * minisign wants it.
 * @throws {SaddlebagError} `sign-key-invalid`, `sign-key-locked`
 */
export function parseSecretKey(text: string, file: string, password: string | undefined): SecretKey {
  const bytes = lastLineBytes(text);
  // Algorithms of signature, key derivation and checksum; salt and costs; key id, key and checksum.
  if (bytes?.length !== 54 + 104 || bytes.toString('latin1', 0, 2) !== 'Ed') {
    throw new SaddlebagError(
      'sign-key-invalid',
      `cannot sign with ${file}: it is no secret key of minisign`,
      {
        hint: 'make a pair of keys: minisign -G',
        exitCode: exitCodes.usage,
      },
    );
  }
  const isEncrypted = bytes.toString('latin1', 2, 4) === 'Sc';
  if (isEncrypted && password === undefined) {
    throw new SaddlebagError('sign-key-locked', `cannot sign with ${file}: it has a password`, {
      hint: 'put it into SADDLEBAG_SIGN_PASSWORD, or into a file that --sign-password-file names',
      exitCode: exitCodes.usage,
    });
  }
  const body = isEncrypted ? decrypt(bytes, password ?? '') : bytes.subarray(54);
  const [id, seed, publicPart] = [body.subarray(0, 8), body.subarray(8, 40), body.subarray(40, 72)];
  const key = ed25519Secret(seed);
  // The key holds its own public half, which no wrong password gives.
  if (!rawPublic(createPublicKey(key)).equals(publicPart)) {
    throw new SaddlebagError('sign-key-locked', `cannot sign with ${file}: the password is wrong`, {
      hint: 'check SADDLEBAG_SIGN_PASSWORD or the file of --sign-password-file',
      exitCode: exitCodes.usage,
    });
  }
  return { id: Buffer.from(id), key };
}

/**
 * Signs the BLAKE2b-512 of a file, and a comment with it. The same input gives the same text: it holds no time.
 */
export function renderSignature(secret: SecretKey, blake2b512: Buffer, trustedComment: string): string {
  const bytes = sign(null, blake2b512, secret.key);
  const commentBytes = sign(null, Buffer.concat([bytes, Buffer.from(trustedComment)]), secret.key);
  const first = Buffer.concat([Buffer.from('ED'), secret.id, bytes]);
  return [
    'untrusted comment: signature by saddlebag',
    first.toString('base64'),
    `trusted comment: ${trustedComment}`,
    commentBytes.toString('base64'),
    '',
  ].join('\n');
}

/**
 * Parses a signature file; returns the reason as text where it is none that can be checked.
 */
export function parseSignature(text: string): Signature | string {
  const [, first = '', comment = '', second = ''] = text.split(/\r?\n/);
  const bytes = Buffer.from(first, 'base64');
  const commentBytes = Buffer.from(second, 'base64');
  const prefix = 'trusted comment: ';
  if (bytes.length !== 2 + 8 + 64 || commentBytes.length !== 64 || !comment.startsWith(prefix)) {
    return 'it is no signature of minisign';
  }
  const algorithm = bytes.toString('latin1', 0, 2);
  if (algorithm !== 'ED') return 'it is over the file itself, not over its hash: sign without -l';
  return {
    keyId: bytes.subarray(2, 10),
    bytes: bytes.subarray(10),
    trustedComment: comment.slice(prefix.length),
    commentBytes,
  };
}

/** Tells whether the signer has said the comment of a signature; of the file it says nothing. */
export function isCommentSigned(
  { key }: PublicKey,
  { bytes, trustedComment, commentBytes }: Signature,
): boolean {
  return verify(null, Buffer.concat([bytes, Buffer.from(trustedComment)]), key, commentBytes);
}

/** Tells whether a signature is over a file with this BLAKE2b-512. */
export function isFileSigned({ key }: PublicKey, { bytes }: Signature, blake2b512: Buffer): boolean {
  return verify(null, blake2b512, key, bytes);
}

/** Comments stand before what counts, and an empty line may stand behind. */
function lastLineBytes(text: string): Buffer | undefined {
  const line = text
    .split(/\r?\n/)
    .filter((each) => each.trim() !== '')
    .at(-1);
  return line === undefined ? undefined : Buffer.from(line.trim(), 'base64');
}

/** Undoes the XOR with what scrypt makes of the password; costs are libsodium's, from the two limits in the key. */
function decrypt(bytes: Buffer, password: string): Buffer {
  const salt = bytes.subarray(4 + 2, 38);
  const operations = Number(bytes.readBigUInt64LE(38));
  const memoryBytes = Number(bytes.readBigUInt64LE(46));
  const { N, p } = scryptCosts(operations, memoryBytes);
  const stream = scryptSync(password, salt, 104, { N, r: 8, p, maxmem: 128 * 8 * (N + p) + (1 << 20) });
  const body = bytes.subarray(54);
  return Buffer.from(body.map((byte, index) => byte ^ (stream[index] ?? 0)));
}

/** Source: libsodium, crypto_pwhash_scryptsalsa208sha256, pickparams. */
function scryptCosts(
  wantedOperations: number,
  memoryBytes: number,
): { readonly N: number; readonly p: number } {
  const operations = Math.max(wantedOperations, 32_768);
  const isByOperations = operations < memoryBytes / 32;
  const most = isByOperations ? operations / 32 : memoryBytes / 1024;
  // More than minisign ever asks for would only exhaust this machine.
  let N = 2;
  while (N <= most / 2 && N < 1 << 21) N *= 2;
  const p = isByOperations ? 1 : Math.max(1, Math.floor(operations / 4 / N / 8));
  return { N, p };
}

// Node takes keys in DER only: what stands before the 32 bytes is always the same. Source: RFC 8410.
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const secretPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519Public(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' });
}

function ed25519Secret(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([secretPrefix, seed]), format: 'der', type: 'pkcs8' });
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length);
}
