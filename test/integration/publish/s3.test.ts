import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { textContent } from '../../../src/publish/content.ts';
import type { S3Options } from '../../../src/publish/s3/bucket.ts';
import { openS3Store } from '../../../src/publish/s3/store.ts';
import { setCredentials } from '../../helpers/s3-credentials.ts';
import { serveInTest } from '../../helpers/test-server.ts';
import { failureOf } from '../../src/publish/failure.ts';

const { signal } = new AbortController();
const timeouts = { connectMs: 1_000, idleMs: 300, stallMs: 600 };
const secret = 'a-secret-of-the-test-only';

beforeAll(() => setCredentials({ accessKey: 'saddlebag-test', secretKey: secret }));

const listen = async (server: Server) => `http://127.0.0.1:${await serveInTest(server)}`;

const open = (endpoint: string, options: Partial<S3Options> = {}) =>
  openS3Store({ bucket: 'apps', endpoint, timeouts, ...options });

async function headFailure(endpoint: string) {
  const store = await open(endpoint);
  return failureOf(store.head('web', signal));
}

/** Answers as S3 does: an error in XML, without a body to a HEAD. */
const refuseAll =
  (status: number, code: string, headers: Record<string, string> = {}): RequestListener =>
  (asked, response) => {
    asked.resume();
    response.writeHead(status, { 'content-type': 'application/xml', ...headers });
    response.end(
      asked.method === 'HEAD' ? undefined : `<Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    );
  };

describe('an endpoint that is wrong', () => {
  it('is an error when it takes the connection and never answers', async () => {
    const endpoint = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        onTestFinished(() => {
          socket.destroy();
        });
      }),
    );
    const failure = await headFailure(endpoint);
    expect(failure.code).toBe('endpoint-timeout');
    expect(failure.message).toBe(`cannot read s3://apps/web: ${endpoint}/apps does not answer`);
  });

  it('is an error when it stops taking the bytes of an upload', async () => {
    const endpoint = await listen(
      createServer((asked, response) => {
        if (asked.method !== 'PUT') refuseAll(404, 'NoSuchKey')(asked, response);
      }),
    );
    const store = await open(endpoint);
    const big = textContent('x'.repeat(8 << 20));
    const failure = await failureOf(store.put('web', big, { contentType: 'text/plain', signal }));
    expect(failure.code).toBe('endpoint-timeout');
    expect(failure.message).toBe(`cannot write s3://apps/web: ${endpoint}/apps does not answer`);
  });

  it('is an error when nothing listens there', async () => {
    const server = createTcpServer();
    const endpoint = await listen(server);
    server.close();
    await once(server, 'close');
    const failure = await headFailure(endpoint);
    expect(failure.code).toBe('endpoint-unreachable');
    expect(failure.message).toBe(
      `cannot read s3://apps/web: cannot reach ${endpoint}/apps: connection refused`,
    );
  });

  it('is an error when its name cannot be resolved', async () => {
    const failure = await headFailure('http://minio.invalid:9000');
    expect(failure.code).toBe('endpoint-unreachable');
    expect(failure.message).toContain('the name of its host cannot be resolved');
  });

  it('is an error when it speaks no TLS', async () => {
    const endpoint = await listen(createServer());
    const failure = await headFailure(endpoint.replace('http:', 'https:'));
    expect(failure.code).toBe('endpoint-unreachable');
    expect(failure.message).toContain('it does not speak TLS');
  });

  it('is an error when it is a web page', async () => {
    const endpoint = await listen(
      createServer((asked, response) => {
        response.writeHead(404, { 'content-type': 'text/html' });
        response.end(asked.method === 'HEAD' ? undefined : '<html><body>no such page</body></html>');
      }),
    );
    const failure = await headFailure(endpoint);
    expect(failure.code).toBe('endpoint-not-s3');
    expect(failure.hint).toContain('not of a console');
  });
});

describe('a server that refuses', () => {
  it.each([
    [403, 'AccessDenied', 'access-denied'],
    [403, 'RequestTimeTooSkewed', 'clock-skewed'],
    [400, 'ExpiredToken', 'credentials-invalid'],
    [404, 'NoSuchBucket', 'bucket-missing'],
    [400, 'AuthorizationHeaderMalformed', 'region-wrong'],
  ])('is understood, though the answer to a HEAD has no words: %i %s', async (status, code, ours) => {
    const failure = await headFailure(await listen(createServer(refuseAll(status, code))));
    expect(failure.code).toBe(ours);
    expect(failure.message.startsWith('cannot read s3://apps/web: ')).toBe(true);
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain(secret);
  });

  it('names the region where the bucket is', async () => {
    const redirect = refuseAll(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' });
    const failure = await headFailure(await listen(createServer(redirect)));
    expect(failure.code).toBe('region-wrong');
    expect(failure.hint).toBe('pass --region eu-west-1');
  });

  it('says what stays when even the parts cannot be removed', async () => {
    const seen: string[] = [];
    const endpoint = await listen(
      createServer((asked, response) => {
        seen.push(`${asked.method} ${queryOf(asked)}`);
        if (asked.method === 'POST' && queryOf(asked) === 'uploads') {
          asked.resume();
          response.end(
            '<InitiateMultipartUploadResult><UploadId>U1</UploadId></InitiateMultipartUploadResult>',
          );
          return;
        }
        refuseAll(403, 'AccessDenied')(asked, response);
      }),
    );
    const store = await open(endpoint);
    const big = textContent('x'.repeat(17 << 20));
    const failure = await failureOf(store.put('web', big, { contentType: 'text/plain', signal }));
    expect(failure.code).toBe('parts-left-behind');
    expect(failure.message).toBe('cannot write s3://apps/web: access denied; the parts that arrived stay');
    expect(failure.hint).toContain("--bucket apps --key 'web' --upload-id U1");
    expect(seen.filter((line) => line.startsWith('DELETE'))).toEqual(['DELETE uploadId=U1']);
  });

  it('takes an upload that the server has completed without our knowing for one that is taken', async () => {
    const endpoint = await listen(
      createServer((asked, response) => {
        if (asked.method === 'POST' && queryOf(asked) === 'uploads') {
          asked.resume();
          response.end(
            '<InitiateMultipartUploadResult><UploadId>U1</UploadId></InitiateMultipartUploadResult>',
          );
        } else if (asked.method === 'PUT') {
          asked.resume().on('end', () => response.writeHead(200, { etag: '"e"' }).end());
        } else if (asked.method === 'HEAD') response.writeHead(200).end();
        else refuseAll(404, 'NoSuchUpload')(asked, response);
      }),
    );
    const store = await open(endpoint);
    const big = textContent('x'.repeat(17 << 20));
    expect(await store.put('web', big, { contentType: 'text/plain', signal })).toBe('taken');
  });
});

describe('an object that another publisher stores meanwhile', () => {
  it.each([
    [206, 1],
    [416, 0],
  ])('is found when a first HEAD has missed it (%i)', async (rangeStatus, sizeBytes) => {
    let heads = 0;
    const endpoint = await listen(
      createServer((asked, response) => {
        asked.resume();
        if (asked.method === 'HEAD' && heads++ === 0) response.writeHead(404).end();
        else if (asked.method === 'HEAD') response.writeHead(200, { 'content-length': sizeBytes }).end();
        else if (rangeStatus === 206) response.writeHead(206, { 'content-length': 1 }).end('x');
        else refuseAll(416, 'InvalidRange')(asked, response);
      }),
    );
    const store = await open(endpoint);
    expect(await store.head('web', signal)).toEqual({ sizeBytes, sha256: undefined });
    expect(heads).toBe(2);
  });
});

describe('where objects are found', () => {
  it.each<[Partial<S3Options>, string]>([
    [{ endpoint: 'http://127.0.0.1:9000' }, 'http://127.0.0.1:9000/apps'],
    [{ endpoint: 'https://minio.example/behind/a/path' }, 'https://minio.example/behind/a/path/apps'],
    [{ endpoint: 'https://minio.example', pathStyle: false }, 'https://apps.minio.example'],
    [{ region: 'eu-west-1' }, 'https://apps.s3.eu-west-1.amazonaws.com'],
    [{ region: 'eu-west-1', pathStyle: true }, 'https://s3.eu-west-1.amazonaws.com/apps'],
    [{ region: 'eu-west-1', bucket: 'my.apps' }, 'https://s3.eu-west-1.amazonaws.com/my.apps'],
    [{ region: 'cn-north-1' }, 'https://apps.s3.cn-north-1.amazonaws.com.cn'],
  ])('is decided by the SDK and our rule for other servers: %j', async (options, base) => {
    expect((await openS3Store({ bucket: 'apps', ...options })).downloadBase).toBe(base);
  });

  it('needs a region on AWS', async () => {
    const failure = await failureOf(openS3Store({ bucket: 'apps' }));
    expect(failure.code).toBe('region-missing');
    expect(failure.message).toBe('cannot write s3://apps: no region is set');
    expect(failure.hint).toBe('pass --region, or set AWS_REGION');
  });
});

function queryOf(asked: IncomingMessage): string {
  const names = new URL(asked.url ?? '', 'http://localhost').searchParams;
  names.delete('x-id');
  return names
    .toString()
    .replace(/=(?=&|$)/g, '')
    .replace(/&?partNumber=\d+/, '');
}
