import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { openDirectoryStore } from '../../../src/publish/directory/store.ts';
import { putSignature } from '../../../src/publish/provenance/beside.ts';
import { checkSignature } from '../../../src/publish/provenance/check-signature.ts';
import { parsePublicKey, parseSecretKey } from '../../../src/publish/provenance/minisign.ts';
import { publish } from '../../../src/publish/publish.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../../src/publish/failure.ts';
import { writePublishable } from '../../src/publish/publishable.ts';

const { signal } = new AbortController();

async function minisign(...args: string[]) {
  const result = await execProcess('minisign', args);
  return { ...result, ok: result.exitCode === 0 };
}

describeWith(['minisign'], 'the real minisign', () => {
  /** Publishes a file into a folder, and has minisign make a pair of keys without a password. */
  async function published() {
    const directory = await temporaryDirectory();
    const [pub, sec] = [join(directory, 'a.pub'), join(directory, 'a.key')];
    const made = await minisign('-G', '-W', '-p', pub, '-s', sec);
    expect(made.ok, made.stderr).toBe(true);
    const bundle = await writePublishable(directory);
    const store = openDirectoryStore(join(directory, 'store'));
    const { key, artifact } = await publish({ bundle, store, prefix: '' }, testContext());
    return { artifact, bundle, file: join(directory, 'store', key), key, pub, sec, store };
  }

  it('makes keys that we sign with, and accepts what we sign', async () => {
    const { artifact, bundle, file, key, pub, sec, store } = await published();
    const secretKey = parseSecretKey(await readFile(sec, 'utf8'), sec, undefined);
    const sign = () => putSignature({ store, key }, { file: bundle.file, artifact, secretKey }, signal);
    const text = await sign();
    expect(await sign()).toBe(text);
    const checked = await minisign('-V', '-p', pub, '-m', file);
    expect(checked.ok, checked.stderr).toBe(true);
    expect(checked.stdout).toContain(`Trusted comment: sha256:${bundle.sha256}`);
    await writeFile(file, 'changed');
    expect((await minisign('-V', '-p', pub, '-m', file)).ok).toBe(false);
  });

  it('makes signatures that we accept', async () => {
    const { artifact: told, bundle, file, key, pub, sec, store } = await published();
    const made = await minisign('-S', '-s', sec, '-m', file);
    expect(made.ok, made.stderr).toBe(true);
    const publicKey = parsePublicKey(await readFile(pub, 'utf8'));
    const artifact = {
      store,
      key,
      fileName: told.fileName,
      sha256: bundle.sha256,
      signature: undefined,
      publicKey,
    };
    await checkSignature(artifact, testContext());
    await writeFile(file, 'changed');
    expect((await failureOf(checkSignature(artifact, testContext()))).code).toBe('signature-invalid');
  });
});
