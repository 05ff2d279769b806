import { readFile, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { fetchFor, readConnection } from '../../../src/publish/connection.ts';
import { askDownloadBy } from '../../../src/publish/download.ts';
import { openS3Store } from '../../../src/publish/s3/store.ts';
import { describeWith } from '../../helpers/needs.ts';
import { setCredentials } from '../../helpers/s3-credentials.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { serveInTest } from '../../helpers/test-server.ts';
import { failureOf } from '../../src/publish/failure.ts';

const { signal } = new AbortController();

beforeAll(() => setCredentials({ accessKey: 'saddlebag-test', secretKey: 'a-secret-of-the-test-only' }));

/** Has one object of four bytes, whatever the key. */
const object: Parameters<typeof createServer>[1] = (_, response) => {
  response.writeHead(200, { 'content-length': 4, 'x-amz-meta-sha256': 'ab' }).end('body');
};

describeWith(['openssl'], 'a server with a certificate of a private authority', () => {
  async function serve() {
    const directory = await temporaryDirectory();
    const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const { exitCode, stderr } = await execProcess('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost'],
    ]);
    expect(exitCode, stderr).toBe(0);
    const options = { key: await readFile(key), cert: await readFile(certificate) };
    const port = await serveInTest(createTlsServer(options, object));
    return { endpoint: `https://localhost:${port}`, certificate };
  }

  it('is trusted by --ca-file and AWS_CA_BUNDLE, and not without', async () => {
    const { endpoint, certificate } = await serve();
    const options = { bucket: 'apps', endpoint };
    const untrusted = await failureOf((await openS3Store(options)).head('web', signal));
    expect(untrusted.code).toBe('certificate-invalid');
    expect(untrusted.hint).toContain('--ca-file');
    for (const connection of [
      await readConnection({}, certificate),
      await readConnection({ AWS_CA_BUNDLE: certificate }),
    ]) {
      const store = await openS3Store({ ...options, connection });
      expect(await store.head('web', signal)).toEqual({ sizeBytes: 4, sha256: 'ab' });
      const ask = askDownloadBy(await fetchFor(connection));
      expect(await ask(`${endpoint}/apps/web`, 4, signal)).toEqual({ kind: 'readable' });
    }
  });
});

it('refuses a bundle of certificates that is none', async () => {
  const file = join(await temporaryDirectory(), 'ca.pem');
  const missing = await failureOf(readConnection({ AWS_CA_BUNDLE: file }));
  expect(missing.message).toBe(`cannot read ${file}: no such file or directory`);
  await writeFile(file, 'no certificate');
  const failure = await failureOf(readConnection({}, file));
  expect(failure.code).toBe('ca-unreadable');
  expect(failure.message).toBe(`cannot read ${file}: it holds no certificate in PEM`);
});

describe('a proxy', () => {
  /** Starts a proxy that knows a host which nobody else does, and keeps what it was asked for. */
  async function startProxy() {
    const target = await serveInTest(createServer(object));
    const asked: string[] = [];
    const proxy = createServer((incoming, response) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      const { pathname } = new URL(incoming.url ?? '');
      const { method, headers } = incoming;
      const onward = request(
        { port: target, host: '127.0.0.1', path: pathname, method, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      incoming.pipe(onward);
    });
    // What some clients do for plain HTTP as well.
    proxy.on('connect', (incoming, socket) => {
      asked.push(`CONNECT ${incoming.url}`);
      const onward = connect(target, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket);
        socket.pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    return { HTTP_PROXY: `http://127.0.0.1:${await serveInTest(proxy)}`, asked };
  }

  it.each(['http://me:geheim@[bad', 'socks5://me:geheim@proxy'])(
    'is refused where it is none: %s',
    async (text) => {
      const failure = await failureOf(readConnection({ HTTPS_PROXY: text }));
      expect(failure.code).toBe('url-invalid');
      expect(`${failure.message}${failure.hint}`).not.toContain('geheim');
    },
  );

  it('may be named without a scheme, as for curl', async () => {
    expect((await readConnection({ http_proxy: 'proxy:3128' })).proxies.HTTP_PROXY).toBe('http://proxy:3128');
  });

  it.each(['HTTP_PROXY', 'http_proxy'])('named by %s is used for bucket and download URL', async (name) => {
    const { HTTP_PROXY, asked } = await startProxy();
    const connection = await readConnection({ [name]: HTTP_PROXY });
    const store = await openS3Store({ bucket: 'apps', endpoint: 'http://minio.invalid:9000', connection });
    expect(await store.head('web', signal)).toEqual({ sizeBytes: 4, sha256: 'ab' });
    const ask = askDownloadBy(await fetchFor(connection));
    expect(await ask('http://minio.invalid:9000/apps/web', 4, signal)).toEqual({ kind: 'readable' });
    expect(asked).toHaveLength(2);
    for (const line of asked) expect(line).toContain('minio.invalid:9000');
  });

  it('is passed by for NO_PROXY, and for this machine', async () => {
    const { HTTP_PROXY, asked } = await startProxy();
    const port = await serveInTest(createServer(object));
    const connection = await readConnection({ HTTP_PROXY, NO_PROXY: '.internal' });
    const store = await openS3Store({ bucket: 'apps', endpoint: `http://127.0.0.1:${port}`, connection });
    expect(await store.head('web', signal)).toMatchObject({ sizeBytes: 4 });
    const ask = askDownloadBy(await fetchFor(connection));
    expect(await ask(`http://localhost:${port}/apps/web`, 4, signal)).toEqual({ kind: 'readable' });
    expect(await ask('http://minio.internal/apps/web', 4, signal)).toMatchObject({ kind: 'unreachable' });
    expect(asked).toEqual([]);
  });
});
