import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { openHttpStore } from '../../../src/publish/http.ts';
import { openS3Store } from '../../../src/publish/s3/store.ts';
import type { ReadableStore } from '../../../src/publish/store.ts';
import { setCredentials } from '../../helpers/s3-credentials.ts';
import { serveInTest } from '../../helpers/test-server.ts';
import { failureOf } from '../../src/publish/failure.ts';

const { signal } = new AbortController();
const timeouts = { connectMs: 1_000, idleMs: 1_000, stallMs: 1_000 };
const key = 'web/releases.json';

beforeAll(() => setCredentials({ accessKey: 'saddlebag-test', secretKey: 'a-secret-of-the-test-only' }));

const stores: [string, (url: string) => ReadableStore | Promise<ReadableStore>][] = [
  ['S3', (endpoint) => openS3Store({ bucket: 'apps', endpoint, timeouts })],
  ['HTTP', openHttpStore],
];

async function listen(answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await serveInTest(createServer(answer))}`;
}

/** Sends blanks without saying how many, until the client goes away; `sent` counts the bytes. */
function endless(sent: { bytes: number }): (response: ServerResponse) => void {
  const blanks = Buffer.alloc(1 << 20, ' ');
  const go = (response: ServerResponse): void => {
    while (!response.destroyed) {
      sent.bytes += blanks.length;
      if (!response.write(blanks)) {
        response.once('drain', () => go(response));
        return;
      }
    }
  };
  return go;
}

describe.each(stores)('a hostile server of %s', (kind, open) => {
  it('ends nothing by a document without an end', async () => {
    const sent = { bytes: 0 };
    const store = await open(await listen((_, response) => endless(sent)(response.writeHead(200))));
    const failure = await failureOf(store.readDocument(key, signal));
    expect(failure.message).toMatch(
      /^cannot read \S+\/web\/releases\.json: its answer is larger than 16777216 bytes/,
    );
    expect(sent.bytes).toBeLessThan(64 << 20);
  });

  it('ends nothing by an error without an end', async () => {
    const sent = { bytes: 0 };
    const store = await open(await listen((_, response) => endless(sent)(response.writeHead(400))));
    const failure = await failureOf(store.readDocument(key, signal));
    expect(failure.code).toBe(kind === 'S3' ? 'endpoint-not-s3' : 'download-failed');
    expect(sent.bytes).toBeLessThan(64 << 20);
  });

  it('gets no credentials passed on to where it leads', async () => {
    const told: unknown[] = [];
    const elsewhere = await listen((request, response) => {
      told.push(request.headers.authorization);
      response.writeHead(404).end();
    });
    const store = await open(
      await listen((request, response) => {
        const location = `${elsewhere}${request.url}`;
        response.writeHead(307, { location }).end(`<Error><Code>TemporaryRedirect</Code></Error>`);
      }),
    );
    await store.readDocument(key, signal).catch(() => undefined);
    expect(told).toEqual(kind === 'S3' ? [] : [undefined]);
  });
});

describe('a hostile server of S3', () => {
  it('ends nothing by a part without an end', async () => {
    const sent = { bytes: 0 };
    const endpoint = await listen((_, response) => endless(sent)(response.writeHead(206)));
    const store = await openS3Store({ bucket: 'apps', endpoint, timeouts });
    const read = store.readRange?.('web', { offset: 0, length: 100 }, signal);
    const failure = await failureOf(read ?? Promise.resolve());
    expect(failure.message).toContain('its answer is larger than 100 bytes');
    expect(sent.bytes).toBeLessThan(64 << 20);
  });

  const lol = Array.from(
    { length: 12 },
    (_, at) => `<!ENTITY lol${at + 1} "${`&lol${at || ''};`.repeat(10)}">`,
  );
  it.each([
    [
      'entities of entities',
      `<!DOCTYPE a [<!ENTITY lol "lol">${lol.join('')}]><Error><Code>&lol12;</Code></Error>`,
    ],
    [
      'a file of this machine',
      '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Error><Code>&x;</Code></Error>',
    ],
    ['elements without an end', `<Error>${'<a>'.repeat(200_000)}`],
    [
      'what every object has',
      '<Error><__proto__><polluted>1</polluted></__proto__><Code>__proto__</Code></Error>',
    ],
  ])('says nothing by %s', async (_, xml) => {
    const endpoint = await listen((_request, response) =>
      response.writeHead(400).end(`<?xml version="1.0"?>${xml}`),
    );
    const store = await openS3Store({ bucket: 'apps', endpoint, timeouts });
    const { message } = await failureOf(store.readDocument(key, signal));
    expect(message).toMatch(/^cannot read s3:\/\/apps\/web\/releases\.json: /);
    expect(message.length).toBeLessThan(500);
    expect(message).not.toContain('root:');
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
