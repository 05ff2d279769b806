import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/core/digest.ts';
import { verifyObject } from '../../../src/publish/verify.ts';
import { testContext } from '../../helpers/context.ts';
import { failureOf } from './failure.ts';
import { memoryStore } from './memory-store.ts';

const content = Buffer.from('the file');
const sha256 = sha256Hex(content);
const key = 'web/ab/web-1.0';

function storeWith(file: Buffer, beside?: string) {
  const store = memoryStore();
  store.objects.set(key, file);
  if (beside !== undefined) store.objects.set(`${key}.sha256`, Buffer.from(beside));
  return store;
}

describe('verifyObject', () => {
  it('reads the file and what lies beside it', async () => {
    const store = storeWith(content, `${sha256}  web-1.0\n`);
    const verified = await verifyObject({ store, key, sha256, sizeBytes: 8 }, testContext());
    expect(verified).toEqual({ sizeBytes: 8, sha256, hasMetadata: false, hasDigestFile: true });
  });

  it('needs neither size nor a file beside it', async () => {
    const store = storeWith(content);
    const verified = await verifyObject({ store, key, sha256, sizeBytes: undefined }, testContext());
    expect(verified.hasDigestFile).toBe(false);
  });

  it('tells all that differs', async () => {
    const store = storeWith(Buffer.from('another'), `${sha256Hex('x')}  web-1.0\n`);
    const failure = await failureOf(verifyObject({ store, key, sha256, sizeBytes: 8 }, testContext()));
    expect(failure.code).toBe('object-damaged');
    expect(failure.message).toBe(
      `cannot trust memory:${key}: it has 7 bytes instead of 8; ` +
        `its sha256 is ${sha256Hex('another')}, not ${sha256}; its .sha256 file says ${sha256Hex('x')}`,
    );
  });

  it('reads no further than what was published is long', async () => {
    const store = storeWith(content);
    const endless = async function* () {
      for (;;) yield content;
    };
    const options = { store: { ...store, get: endless }, key, sha256, sizeBytes: content.length };
    const failure = await failureOf(verifyObject(options, testContext()));
    expect(failure.code).toBe('object-damaged');
    expect(failure.message).toBe(`cannot trust memory:${key}: it has more than ${content.length} bytes`);
  });

  it('tells that the metadata says otherwise', async () => {
    const store = storeWith(content);
    const lying = { ...store, head: async () => ({ sizeBytes: 8, sha256: sha256Hex('y') }) };
    const failure = await failureOf(verifyObject({ store: lying, key, sha256, sizeBytes: 8 }, testContext()));
    expect(failure.message).toBe(`cannot trust memory:${key}: its metadata says sha256 ${sha256Hex('y')}`);
  });

  it('names what is not there', async () => {
    const store = memoryStore();
    const failure = await failureOf(verifyObject({ store, key, sha256, sizeBytes: 8 }, testContext()));
    expect(failure.code).toBe('object-missing');
  });
});
