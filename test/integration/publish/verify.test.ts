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
  const verify = () =>
    runVerify({ artifact, flags: {}, readStdin: async () => '' }, testContext({ env: {} }));
  const found = `${server.url}/app: 7 B, sha256:${sha256}`;
  expect((await verify()).text).toBe(found);
  await rm(`${file}.sha256`);
  expect((await verify()).text).toBe(`${found}, no readable .sha256 beside it`);
  await writeFile(file, 'another');
  await expect(verify()).rejects.toMatchObject({ code: 'object-damaged' });
});
