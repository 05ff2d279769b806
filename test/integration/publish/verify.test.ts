import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runVerify } from '../../../src/commands/verify.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { startServer } from '../../../src/publish/serve.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

it('what is published is read back, and what was found is said', async () => {
  const directory = await temporaryDirectory();
  const file = join(directory, 'app');
  const sha256 = sha256Hex('content');
  await writeFile(file, 'content');
  await writeFile(`${file}.sha256`, `${sha256}  app\n`);
  const server = await startServer({ directory, host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  const artifact = `${server.url}/app?archive=false&checksum=sha256:${sha256}`;
  const verify = (source = artifact) =>
    runVerify({ artifact: source, flags: {}, readStdin: async () => '' }, testContext({ env: {} }));
  const found = `${server.url}/app: 7 B, sha256:${sha256}`;
  expect((await verify()).text).toBe(found);
  expect((await verify(`http::${artifact}`)).text).toBe(found);
  await rm(`${file}.sha256`);
  expect((await verify()).text).toBe(`${found}, no readable .sha256 beside it`);
  await writeFile(file, 'another');
  await expect(verify()).rejects.toMatchObject({ code: 'object-damaged' });
});

it.each([
  ['http://127.0.0.1:1/a%zz', 'its path is not percent-encoded UTF-8'],
  ['s3::http://127.0.0.1:1/bundles/a%zz', 'its path is not percent-encoded UTF-8'],
  ['gcs::https://127.0.0.1:1/bundles/a', 'no store here speaks gcs::'],
])('what cannot be read back is refused: %s', async (url, reason) => {
  const artifact = `${url}?archive=false&checksum=sha256:${'a'.repeat(64)}`;
  const verifying = runVerify({ artifact, flags: {}, readStdin: async () => '' }, testContext({ env: {} }));
  await expect(verifying).rejects.toMatchObject({
    code: 'artifact-invalid',
    message: expect.stringContaining(reason),
  });
});
