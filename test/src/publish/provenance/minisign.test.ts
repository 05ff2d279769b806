import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../../src/core/digest.ts';
import { checkSignature, signedDigest } from '../../../../src/publish/provenance/check-signature.ts';
import {
  parsePublicKey,
  parseSecretKey,
  parseSignature,
  renderSignature,
} from '../../../../src/publish/provenance/minisign.ts';
import { testContext } from '../../../helpers/context.ts';
import { failureOf } from '../failure.ts';
import { memoryStore } from '../memory-store.ts';
import { otherPublicKey, plainSecretKey, publicKey } from './keys.ts';

const content = Buffer.from('the bundle');
const sha256 = sha256Hex(content);
const key = 'web/ab/web-1.0';
const blake = createHash('blake2b512').update(content).digest();
const secret = parseSecretKey(plainSecretKey, 'minisign.key', undefined);

function check(
  signature: string | undefined,
  changes: { readonly sha256?: string; readonly by?: string; readonly fileName?: string } = {},
) {
  const store = memoryStore();
  store.objects.set(key, content);
  if (signature !== undefined) store.objects.set(`${key}.minisig`, Buffer.from(signature));
  const artifact = {
    store,
    key,
    sha256: changes.sha256 ?? sha256,
    fileName: changes.fileName ?? 'web-1.0',
    signature: undefined,
    publicKey: parsePublicKey(changes.by ?? publicKey),
  };
  return checkSignature(artifact, testContext()).then(() => store.calls);
}

describe('a signature', () => {
  const ours = renderSignature(secret, blake, signedDigest(sha256, 'web-1.0'));

  it('is the same for the same file', () => {
    expect(renderSignature(secret, blake, signedDigest(sha256, 'web-1.0'))).toBe(ours);
  });

  it('of ours is checked without reading the file', async () => {
    expect(await check(ours)).toEqual([`read ${key}.minisig`]);
  });

  it('of another hand that names no digest is checked by reading the file', async () => {
    const plain = renderSignature(secret, blake, 'timestamp:1\tfile:web');
    expect(await check(plain)).toContain(`get ${key}`);
    const other = renderSignature(secret, Buffer.alloc(64), 'timestamp:1\tfile:web');
    expect((await failureOf(check(other))).message).toBe(
      `cannot trust memory:${key}: its signature does not fit the file`,
    );
  });

  it('is missed', async () => {
    const failure = await failureOf(check(undefined));
    expect(failure.code).toBe('signature-missing');
    expect(failure.message).toBe(`cannot trust memory:${key}: it is not signed`);
  });

  it.each([
    [
      'by another key',
      () => check(ours, { by: otherPublicKey }),
      /^.*signed with the key [0-9A-F]{16}, not with/,
    ],
    [
      'over another file',
      () => check(ours, { sha256: '0'.repeat(64) }),
      /its signature is over sha256 [0-9a-f]{64}$/,
    ],
    [
      'of an older release that passes for a newer one',
      () => check(ours, { fileName: 'web-2.0' }),
      /its signature is over web-1.0, not over web-2.0$/,
    ],
    [
      'of a file that is called like the comment of another',
      () => check(renderSignature(secret, Buffer.alloc(64), `timestamp:1\tfile:x\tsha256:${sha256}\thashed`)),
      /its signature does not fit the file$/,
    ],
    [
      'whose comment was changed',
      () => check(ours.replace(sha256, '0'.repeat(64)), { sha256: '0'.repeat(64) }),
      /its signature does not fit the key$/,
    ],
    ['that is none', () => check('untrusted comment: x\nabc\n'), /it is no signature of minisign$/],
    [
      'over the file itself',
      () => check(ours.replace(/\nRUS/, '\nRWS').replace(/\nRUQ/, '\nRWQ')),
      /it is over the file itself, not over its hash/,
    ],
  ])('%s is refused', async (_, run, message) => {
    const failure = await failureOf(run());
    expect(failure.code).toBe('signature-invalid');
    expect(failure.message).toMatch(message);
  });

  it('is taken apart as minisign writes it', () => {
    const parsed = parseSignature(ours);
    expect(typeof parsed === 'string' ? parsed : parsed.trustedComment).toBe(
      `sha256:${sha256}\tfile:web-1.0\thashed`,
    );
  });
});

describe('a key', () => {
  it.each(['', 'RWQ', publicKey.replace('RW', 'AA')])('is refused: %j', async (text) => {
    expect((await failureOf(() => parsePublicKey(text))).code).toBe('public-key-invalid');
  });

  it('that signs is refused where it is none, and where its password is missing', async () => {
    const none = await failureOf(() => parseSecretKey('hello', 'a.key', undefined));
    expect(none.message).toBe('cannot sign with a.key: it is no secret key of minisign');
    const bytes = Buffer.from(plainSecretKey.split('\n')[1] ?? '', 'base64');
    bytes.write('Sc', 2);
    // Costs of the least that libsodium takes, so that a wrong password is refused at once.
    bytes.writeBigUInt64LE(32_768n, 38);
    bytes.writeBigUInt64LE(1n << 24n, 46);
    const locked = `comment\n${bytes.toString('base64')}\n`;
    const missing = await failureOf(() => parseSecretKey(locked, 'a.key', undefined));
    expect(missing.message).toBe('cannot sign with a.key: it has a password');
    const wrong = await failureOf(() => parseSecretKey(locked, 'a.key', 'x'));
    expect(wrong.message).toBe('cannot sign with a.key: the password is wrong');
  });
});
