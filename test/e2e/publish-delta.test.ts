import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runPublish } from '../../src/commands/publish/publish.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { Artifact, Bundle } from '../../src/core/types.ts';
import { saddlebagJson } from '../helpers/cli.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { bundleRandom, type RandomLibrary, writeLibrary } from '../helpers/random-bundle.ts';
import { credentialsEnv, setCredentials } from '../helpers/s3-credentials.ts';
import { suiteDirectory, temporaryDirectory } from '../helpers/temporary.ts';
import { serveInTest } from '../helpers/test-server.ts';
import { type FaultyProxy, startFaultyProxy } from '../stack/faulty-proxy.ts';
import { buildFlask, flaskTools } from '../stack/flask.ts';
import { type Minio, startMinio } from '../stack/minio.ts';

const mebibyte = 1 << 20;

describeWith(['minio'], 'publishing a second version', () => {
  const place = suiteDirectory();
  let minio: Minio;
  let proxy: FaultyProxy;
  let libraries: RandomLibrary[];
  let first: Bundle;

  beforeAll(async () => {
    minio = await startMinio();
    await minio.makeBucket('apps', { public: true });
    proxy = await startFaultyProxy(minio.endpoint);
    setCredentials(minio);
    libraries = await Promise.all(
      ['a', 'b', 'c'].map((letter) => writeLibrary(place(), letter, 8 * mebibyte)),
    );
    first = await bundleRandom({ libraries, app: '1', directory: join(place(), 'first') });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await minio?.stop();
  });

  const bundle = async (parts: Omit<Parameters<typeof bundleRandom>[0], 'directory'>) =>
    bundleRandom({ ...parts, directory: await temporaryDirectory() });

  /** Publishes through the proxy and returns what passed it on the way there. */
  async function publishCounted(bundle: Bundle, prefix: string, flags: object = {}) {
    const context = testContext();
    const before = proxy.sentBytes;
    const to = `s3://apps/${prefix}`;
    const input = { bundle: bundle.file, flags: { to, endpoint: proxy.endpoint, ...flags } };
    const { json } = await runPublish(input, context);
    const words = context.events.flatMap((event) => ('message' in event ? [event.message] : []));
    return {
      artifact: json as Artifact & { sendBytes?: number },
      sentBytes: proxy.sentBytes - before,
      words,
    };
  }

  async function expectWhole(artifact: Artifact, bundle: Bundle): Promise<void> {
    const url = artifact.url.replace(proxy.endpoint, minio.endpoint);
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(sha256Hex(bytes)).toBe(bundle.sha256);
    expect((await minio.client.listMultipartUploads({ Bucket: 'apps' })).Uploads ?? []).toEqual([]);
    const head = await minio.client.headObject({
      Bucket: 'apps',
      Key: new URL(url).pathname.slice('/apps/'.length),
    });
    expect(head.Metadata).toMatchObject({ sha256: bundle.sha256 });
    expect(head.ContentType).toBe('application/octet-stream');
  }

  it('sends the part that changed', async () => {
    await publishCounted(first, 'app');
    const second = await bundle({ libraries, app: '2' });
    const dry = await publishCounted(second, 'app', { dryRun: true });
    const { artifact, sentBytes, words } = await publishCounted(second, 'app');
    expect(words.join('\n')).toMatch(/sending [0-9.]+ kB of 25\.[0-9] MB: the rest is copied from 1/);
    expect(sentBytes).toBeLessThan(0.01 * second.sizeBytes);
    expect(sentBytes).toBeGreaterThan(dry.artifact.sendBytes ?? 0);
    expect(dry.artifact.sendBytes).toBeGreaterThan(1000);
    await expectWhole(artifact, second);
  });

  it('sends one part for another runtime', async () => {
    await publishCounted(first, 'runtime');
    const second = await bundle({ libraries, app: '2', runtime: `${'longer '.repeat(2000)}` });
    const { artifact, sentBytes } = await publishCounted(second, 'runtime');
    expect(sentBytes).toBeGreaterThan(5 * mebibyte);
    expect(sentBytes).toBeLessThan(5.3 * mebibyte);
    await expectWhole(artifact, second);
  });

  it('sends what changed in the middle with as much as makes it a part', async () => {
    await publishCounted(first, 'middle');
    const changed = libraries.with(1, await writeLibrary(await temporaryDirectory(), 'd', 100_000));
    const second = await bundle({ libraries: changed, app: '1' });
    const { artifact, sentBytes } = await publishCounted(second, 'middle');
    expect(sentBytes).toBeGreaterThan(5 * mebibyte);
    expect(sentBytes).toBeLessThan(5.3 * mebibyte);
    await expectWhole(artifact, second);
  });

  it.each<[string, (key: string) => Promise<unknown>]>([
    ['is not what its name says', damage],
    ['is gone', (Key) => minio.client.deleteObject({ Bucket: 'apps', Key })],
  ])('sends all of it where the object that it would copy from %s', async (word, harm) => {
    const prefix = word.replaceAll(' ', '-');
    await publishCounted(first, prefix);
    await harm(`${prefix}/app/${first.sha256}/app-1-x86_64`);
    const second = await bundle({ libraries, app: '2' });
    const { artifact, sentBytes } = await publishCounted(second, prefix);
    expect(sentBytes).toBeGreaterThan(second.sizeBytes);
    await expectWhole(artifact, second);
  });

  /** Flips a bit of the data; header and index, which are looked at, stay as they are. */
  async function damage(Key: string): Promise<void> {
    const bytes = await readFile(first.file);
    bytes[12 * mebibyte] = (bytes[12 * mebibyte] ?? 0) ^ 1;
    await minio.client.putObject({ Bucket: 'apps', Key, Body: bytes, Metadata: { sha256: first.sha256 } });
  }

  it('sends all of it where the server copies nothing', async () => {
    await publishCounted(first, 'uncopied');
    let refused = 0;
    const endpoint = await serveWithoutCopies(minio.endpoint, () => {
      refused += 1;
    });
    const second = await bundle({ libraries, app: '2' });
    const { artifact, words } = await publishCounted(second, 'uncopied', { endpoint });
    expect(refused).toBeGreaterThan(0);
    expect(words).toContain('the server does not copy: sending all of it');
    await expectWhole({ ...artifact, url: artifact.url.replace(endpoint, minio.endpoint) }, second);
  });

  it('goes on with one that broke off', async () => {
    await publishCounted(first, 'cut');
    const second = await bundle({ libraries, app: '2' });
    const Key = `cut/app/${second.sha256}/app-2-x86_64`;
    await minio.client.createMultipartUpload({
      Bucket: 'apps',
      Key,
      ContentType: 'application/octet-stream',
      Metadata: { sha256: second.sha256 },
    });
    const { artifact, sentBytes } = await publishCounted(second, 'cut');
    expect(sentBytes).toBeLessThan(0.01 * second.sizeBytes);
    await expectWhole(artifact, second);
  });
});

/** Stands before a server, and refuses each request that would have it copy; returns where. */
async function serveWithoutCopies(endpoint: string, onRefused: () => void): Promise<string> {
  const server = createServer((asked, response) => {
    if (asked.headers['x-amz-copy-source'] !== undefined) {
      onRefused();
      response.writeHead(501).end('<Error><Code>NotImplemented</Code></Error>');
      return;
    }
    const { headers, method = 'GET', url = '/' } = asked;
    const passed = request(new URL(url, endpoint), { headers, method }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    asked.pipe(passed);
  });
  return `http://127.0.0.1:${await serveInTest(server)}`;
}

describeWith([...flaskTools, 'minio'], 'publishing a second version of the Flask app', () => {
  it('sends less than a twentieth of it', async () => {
    const minio = await startMinio();
    await using proxy = await startFaultyProxy(minio.endpoint);
    try {
      await minio.makeBucket('apps');
      const directory = await temporaryDirectory();
      const env = credentialsEnv(minio);
      const sent: number[] = [];
      const sizes: number[] = [];
      for (const version of ['1.0.0', '1.0.1']) {
        const path = await buildFlask({ version, joke: `a joke of ${version}` });
        const file = join(directory, version);
        const { sizeBytes } = await saddlebagJson<Bundle>(['bundle', path, '-o', file, '--compress', 'fast']);
        sizes.push(sizeBytes);
        const before = proxy.sentBytes;
        await saddlebagJson<Artifact>(['publish', file, '--to', 's3://apps', '--endpoint', proxy.endpoint], {
          env,
        });
        sent.push(proxy.sentBytes - before);
      }
      expect(sent[0]).toBeGreaterThan(sizes[0] ?? 0);
      expect(sent[1]).toBeGreaterThan(0);
      expect(sent[1]).toBeLessThan(0.05 * (sizes[1] ?? 0));
    } finally {
      await minio.stop();
    }
  });
});
