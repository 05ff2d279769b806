import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from '../helpers/port.ts';

/** What goes wrong with one connection. Offsets count bytes from its beginning. */
export type Fault =
  | { readonly kind: 'none' }
  /** Cut, with a reset, when so much was sent. */
  | { readonly kind: 'drop'; readonly afterSentBytes: number }
  /** Ended in good form when so much of the answers has come. */
  | { readonly kind: 'truncate'; readonly afterReceivedBytes: number }
  /** Nothing passes in either direction for so long. */
  | { readonly kind: 'delay'; readonly durationMs: number }
  /** Answers the first request itself, before its end, and closes. */
  | { readonly kind: 'refuse'; readonly status: number };

/** A proxy for TCP in front of a server, which counts and harms what passes. */
export interface FaultyProxy extends AsyncDisposable {
  /** URL of the proxy in place of the server's. */
  readonly endpoint: string;
  /** Towards the server, headers included. */
  readonly sentBytes: number;
  readonly connections: number;
  /** Resolves when so many bytes were sent in all. */
  whenSent(bytes: number): Promise<void>;
  /** Resets all connections that are open. */
  breakAll(): void;
  /** Decides for the connections to come. */
  setFaults(choose: (connection: number) => Fault): void;
}

/**
 * Starts a proxy on the loopback in front of `target`, an http URL; without faults at first.
 */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const state = { sentBytes: 0, connections: 0 };
  const waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];
  let choose: (connection: number) => Fault = () => ({ kind: 'none' });
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const fault = choose(state.connections++);
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
    }
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    const pass = () =>
      join(client, upstream, fault, (bytes) => {
        state.sentBytes += bytes;
        for (const { resolve } of waiting.filter((each) => each.bytes <= state.sentBytes)) resolve();
      });
    if (fault.kind === 'delay') setTimeout(pass, fault.durationMs).unref();
    else if (fault.kind === 'refuse') {
      client.once('data', () => {
        const head = `HTTP/1.1 ${fault.status} Faulty\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
        client.end(head, () => client.destroySoon());
      });
    } else pass();
  });
  const ownPort = await listenOnLoopback(server);
  return {
    endpoint: `http://127.0.0.1:${ownPort}`,
    get sentBytes() {
      return state.sentBytes;
    },
    get connections() {
      return state.connections;
    },
    whenSent: (bytes) =>
      new Promise((resolve) => {
        if (bytes <= state.sentBytes) resolve();
        else waiting.push({ bytes, resolve });
      }),
    breakAll: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
    setFaults: (chosen) => {
      choose = chosen;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function join(client: Socket, upstream: Socket, fault: Fault, count: (bytes: number) => void): void {
  let [sent, received] = [0, 0];
  client.on('data', (chunk: Buffer) => {
    const allowed = fault.kind === 'drop' ? fault.afterSentBytes - sent : chunk.length;
    sent += chunk.length;
    count(Math.max(0, Math.min(chunk.length, allowed)));
    if (allowed < chunk.length) {
      upstream.destroy();
      client.resetAndDestroy();
    } else if (!upstream.write(chunk)) {
      client.pause();
      upstream.once('drain', () => client.resume());
    }
  });
  upstream.on('data', (chunk: Buffer) => {
    const allowed = fault.kind === 'truncate' ? fault.afterReceivedBytes - received : chunk.length;
    received += chunk.length;
    if (allowed < chunk.length) {
      client.end(chunk.subarray(0, Math.max(0, allowed)));
      upstream.destroy();
    } else if (!client.write(chunk)) {
      upstream.pause();
      client.once('drain', () => upstream.resume());
    }
  });
}
