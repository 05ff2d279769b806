import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { join, normalize } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listenOnLoopback } from '../../helpers/port.ts';

/** Asks again until a deadline; what it asks throws where nobody answers yet. */
export async function untilUp<T>(question: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + 60_000;
  for (;;) {
    try {
      return await question();
    } catch (cause) {
      if (Date.now() > endMs) throw cause;
      await delay(50);
    }
  }
}

/** Returns a page, once something serves it, with the named headers above it. */
export function fetchPage(url: string, headers: readonly string[] = []): Promise<string> {
  return untilUp(async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    const shown = headers.map((name) => `${name}: ${answer.headers.get(name)}\n`);
    return `${answer.status}\n${shown.join('')}${await answer.text()}`;
  });
}

/** Says lines to a server of lines and returns all that it answers until it closes the connection. */
export function talk(port: number, lines: readonly string[]): Promise<string> {
  return untilUp(async () => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    await once(socket, 'connect');
    socket.write(lines.map((line) => `${line}\r\n`).join(''));
    let answer = '';
    for await (const text of socket) answer += text;
    return answer;
  });
}

/** Serves the files of a directory over HTTPS with the certificate of `<tls>.pem` and `<tls>.key`. */
export async function serveFiles(
  directory: string,
  tls: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const [cert, key] = await Promise.all([readFile(`${tls}.pem`), readFile(`${tls}.key`)]);
  const server = createServer({ cert, key }, (request, response) => {
    response.sendDate = false;
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'https://x').pathname));
    createReadStream(join(directory, path))
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  return {
    url: `https://127.0.0.1:${await listenOnLoopback(server)}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
