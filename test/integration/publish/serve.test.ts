import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runServe } from '../../../src/commands/serve.ts';
import { type Access, startServer } from '../../../src/publish/serve.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../../src/publish/failure.ts';

async function serveSample(host = '127.0.0.1') {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, 'web'));
  await writeFile(join(directory, 'web', 'app +%é'), '0123456789');
  await writeFile(join(directory, 'web', '.app.123.tmp'), 'half');
  await writeFile(join(directory, 'index.html'), 'index');
  const accesses: Access[] = [];
  const server = await startServer({
    directory,
    host,
    port: 0,
    onAccess: (access) => accesses.push(access),
  });
  onTestFinished(() => server.close());
  return { accesses, directory, server, file: `${server.url}/web/app%20%2B%25%C3%A9` };
}

/** Asks for a path as it is written: fetch would resolve the dots. */
async function ask(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number | undefined; body: string }> {
  const asked = request(url, { path, headers: { ...headers } }).end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, body: await text(response) };
}

describe('startServer', () => {
  it('answers GET with the whole file, its length and an ETag', async () => {
    const { file, server } = await serveSample();
    const response = await fetch(file);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('10');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.text()).toBe('0123456789');
    const etag = response.headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    const again = await ask(server.url, new URL(file).pathname, { 'if-none-match': etag });
    expect(again).toEqual({ status: 304, body: '' });
  });

  it('answers HEAD with no body', async () => {
    const { file } = await serveSample();
    const response = await fetch(file, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('10');
    expect(await response.text()).toBe('');
  });

  it('answers a range, and refuses one past the end', async () => {
    const { file } = await serveSample();
    const part = await fetch(file, { headers: { range: 'bytes=2-4' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10');
    expect(await part.text()).toBe('234');
    const past = await fetch(file, { headers: { range: 'bytes=10-' } });
    expect(past.status).toBe(416);
  });

  it('answers with the whole file to a client that has a part of another version', async () => {
    const { file } = await serveSample();
    const response = await fetch(file, { headers: { range: 'bytes=2-4', 'if-range': '"another"' } });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('0123456789');
  });

  it.each([
    '/',
    '/web',
    '/web/',
    '/nothing',
    '/web/.app.123.tmp',
    '/.hidden',
    '/../index.html',
    '/web/../index.html',
    '/web/%2e%2e/index.html',
    '/web/..%2findex.html',
    '/web/..%5cindex.html',
    '//index.html',
    '/%00',
    '/%ff',
    '/%',
    '/index.html/',
  ])('shows nothing at %s', async (path) => {
    const { server } = await serveSample();
    expect(await ask(server.url, path)).toEqual({ status: 404, body: '' });
  });

  it('follows links inside the folder only', async () => {
    const { directory, server } = await serveSample();
    const outside = await temporaryDirectory();
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(join(outside, 'secret'), join(directory, 'link'));
    await symlink(outside, join(directory, 'out'));
    await symlink('index.html', join(directory, 'inside'));
    await symlink('web/.app.123.tmp', join(directory, 'half'));
    expect((await ask(server.url, '/link')).status).toBe(404);
    expect((await ask(server.url, '/out/secret')).status).toBe(404);
    expect((await ask(server.url, '/half')).status).toBe(404);
    expect(await ask(server.url, '/inside')).toEqual({ status: 200, body: 'index' });
  });

  it.each(['PUT', 'POST', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const { file } = await serveSample();
    const response = await fetch(file, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  it.each([
    ['127.0.0.1', 'localhost:8000', 200],
    ['127.0.0.1', 'web.LOCALHOST', 200],
    ['127.0.0.1', '127.0.0.1:8000', 200],
    ['127.0.0.1', '[::1]:8000', 200],
    ['127.0.0.1', '10.1.2.3', 200],
    ['127.0.0.1', 'evil.example:8000', 421],
    ['127.0.0.1', 'localhost.evil.example', 421],
    ['127.0.0.1', '127.0.0.1.evil.example', 421],
    ['localhost', 'evil.example', 421],
    ['0.0.0.0', 'bundles.example', 200],
  ])('listening on %s and asked for %s, answers %i', async (listen, host, status) => {
    const { server } = await serveSample(listen);
    const { port } = new URL(server.url);
    const answer = await ask(`http://127.0.0.1:${port}`, '/index.html', { host });
    expect(answer).toEqual({ status, body: status === 200 ? 'index' : '' });
  });

  it('tells of each request', async () => {
    const { accesses, file, server } = await serveSample();
    await (await fetch(file)).text();
    await (await fetch(`${server.url}/nothing`)).text();
    await expect
      .poll(() => accesses)
      .toEqual([
        { method: 'GET', path: '/web/app%20%2B%25%C3%A9', status: 200, complete: true },
        { method: 'GET', path: '/nothing', status: 404, complete: true },
      ]);
  });

  it('lets a download end before it stops, and takes no new one', async () => {
    const { directory, server } = await serveSample();
    const bytes = Buffer.alloc(8 << 20, 1);
    await writeFile(join(directory, 'big'), bytes);
    const response = await fetch(`${server.url}/big`);
    const closed = server.close();
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    await closed;
    await expect(fetch(`${server.url}/big`)).rejects.toThrow();
  });

  it('names a port that is taken', async () => {
    const { directory, server } = await serveSample();
    const port = Number(new URL(server.url).port);
    const failure = await failureOf(startServer({ directory, host: '127.0.0.1', port }));
    expect(failure.code).toBe('listen-failed');
    expect(failure.message).toBe(`cannot listen on 127.0.0.1:${port}: the port is taken`);
    expect(failure.hint).toContain('--listen');
  });

  it('names an address that this machine does not have', async () => {
    const directory = await temporaryDirectory();
    const failure = await failureOf(startServer({ directory, host: '192.0.2.1', port: 0 }));
    expect(failure.message).toBe('cannot listen on 192.0.2.1:0: this machine has no such address');
  });

  it('names a folder that is none', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    const options = { host: '127.0.0.1', port: 0 };
    const missing = await failureOf(startServer({ directory: join(directory, 'no'), ...options }));
    expect(missing.message).toBe(`cannot serve ${join(directory, 'no')}: no such file or directory`);
    const file = await failureOf(startServer({ directory: join(directory, 'file'), ...options }));
    expect(file.message).toBe(`cannot serve ${join(directory, 'file')}: it is not a folder`);
  });
});

describe('runServe', () => {
  it('serves until it is interrupted, which is a good end', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, 'file'), 'hello');
    const controller = new AbortController();
    const context = testContext({ cwd, signal: controller.signal });
    const run = runServe({ folder: '.', flags: { listen: '127.0.0.1:0' } }, context);
    const message = await expect
      .poll(() => context.events.flatMap((event) => (event.kind === 'step' ? [event.message] : []))[0])
      .toMatch(/^serving \/.* at http:\/\/127\.0\.0\.1:\d+$/)
      .then(() => context.events.flatMap((event) => (event.kind === 'step' ? [event.message] : []))[0]);
    const url = message?.split(' at ')[1] ?? '';
    expect(await (await fetch(`${url}/file`)).text()).toBe('hello');
    expect(await ask(url, '/file', { host: 'evil.example' })).toEqual({ status: 421, body: '' });
    // A client that keeps its connection open and asks for nothing holds nothing up.
    const idle = connect(Number(new URL(url).port), '127.0.0.1');
    await once(idle, 'connect');
    onTestFinished(() => {
      idle.destroy();
    });
    controller.abort();
    expect(await run).toEqual({ text: '', json: { version: 1, directory: cwd, url }, exitCode: 0 });
    expect(context.events).toContainEqual({ kind: 'detail', stage: 'serve', message: 'GET /file 200' });
    const refusal = 'GET /file 421 (asked for evil.example: give --listen that name, or ask by address)';
    expect(context.events).toContainEqual({ kind: 'detail', stage: 'serve', message: refusal });
  });
});
