import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { askDownloadBy, askFirstByte, reasonOf } from '../../../src/publish/download.ts';
import { serveInTest } from '../../helpers/test-server.ts';

async function listen(answer: RequestListener): Promise<{ url: string; close(): void }> {
  const server = createServer(answer);
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${await serveInTest(server)}/web`, close };
}

const { signal } = new AbortController();

describe('askDownloadBy', () => {
  const askDownload = askDownloadBy(fetch);

  it('asks by HEAD and without credentials', async () => {
    const asked: unknown[] = [];
    const { url } = await listen((request, response) => {
      asked.push([request.method, request.headers.authorization, request.headers['accept-encoding']]);
      response.writeHead(200, { 'content-length': 5 }).end();
    });
    expect(await askDownload(url, 5, signal)).toEqual({ kind: 'readable' });
    expect(asked).toEqual([['HEAD', undefined, 'identity']]);
  });

  it('follows a redirect, as clients do', async () => {
    const { url } = await listen((request, response) => {
      if (request.url === '/web') response.writeHead(302, { location: '/moved' }).end();
      else response.writeHead(200, { 'content-length': 5 }).end();
    });
    expect(await askDownload(url, 5, signal)).toEqual({ kind: 'readable' });
  });

  it.each([401, 403, 404, 500])('tells a refusal: %i', async (status) => {
    const { url } = await listen((_, response) => response.writeHead(status).end());
    expect(await askDownload(url, 5, signal)).toEqual({ kind: 'refused', status });
  });

  it('tells another size', async () => {
    const { url } = await listen((_, response) => response.writeHead(200, { 'content-length': 6 }).end());
    expect(await askDownload(url, 5, signal)).toEqual({ kind: 'other-size', sizeBytes: 6 });
  });

  it('tells why nothing answers', async () => {
    const { url, close } = await listen(() => undefined);
    close();
    const answer = await askDownload(url, 5, signal);
    expect(answer).toEqual({ kind: 'unreachable', reason: 'connection refused' });
  });

  it('ends when it is interrupted', async () => {
    const controller = new AbortController();
    const { url } = await listen(() => controller.abort());
    await expect(askDownload(url, 5, controller.signal)).rejects.toThrow('aborted');
  });
});

describe('why fetch failed', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' });
  const failed = (cause: Error) => new TypeError('fetch failed', { cause });

  it.each([
    [failed(refused), 'connection refused'],
    // A name with two addresses, as localhost has.
    [failed(new AggregateError([refused, refused])), 'connection refused'],
    [failed(new Error('bad port')), 'bad port'],
    [new DOMException('x', 'TimeoutError'), 'no answer in time'],
  ])('is told from %s', (cause, reason) => {
    expect(reasonOf(cause)).toBe(reason);
  });
});

describe('askFirstByte', () => {
  it('asks by GET for no more than a byte, with the query', async () => {
    const asked: unknown[] = [];
    const { url } = await listen(({ method, url, headers }, response) => {
      asked.push([method, url, headers.range, headers.authorization]);
      response.writeHead(206, { 'content-range': 'bytes 0-0/5' }).end('a');
    });
    expect(await askFirstByte(`${url}?signed=1`, fetch, signal)).toEqual({ kind: 'readable' });
    expect(asked).toEqual([['GET', '/web?signed=1', 'bytes=0-0', undefined]]);
  });

  it('does not wait for the rest of who knows no ranges', async () => {
    const { url } = await listen((_, response) => response.write('all of it, and never the end'));
    expect(await askFirstByte(url, fetch, signal)).toEqual({ kind: 'readable' });
  });

  it('tells a refusal, and who does not answer', async () => {
    const { url, close } = await listen((_, response) => response.writeHead(404).end());
    expect(await askFirstByte(url, fetch, signal)).toEqual({ kind: 'refused', status: 404 });
    close();
    expect(await askFirstByte(url, fetch, signal)).toMatchObject({ kind: 'unreachable' });
  });

  it('ends when it is interrupted', async () => {
    const controller = new AbortController();
    const { url } = await listen(() => controller.abort());
    await expect(askFirstByte(url, fetch, controller.signal)).rejects.toThrow('aborted');
  });
});
