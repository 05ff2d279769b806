import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePublicKey, parseSecretKey } from '../../../src/publish/provenance/minisign.ts';
import { lockedSecretKey, otherPublicKey } from '../../src/publish/provenance/keys.ts';

// Here and not among the quick ones: it takes a gigabyte of memory, and seconds.
describe('a secret key with a password', () => {
  it('is opened by it, at the cost that minisign chose', () => {
    const { id, key } = parseSecretKey(lockedSecretKey, 'a.key', 'x');
    const wanted = parsePublicKey(otherPublicKey);
    expect(id).toEqual(wanted.id);
    expect(createPublicKey(key).equals(wanted.key)).toBe(true);
  }, 120_000);
});
