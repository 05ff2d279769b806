import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Lets a server listen on a free port of loopback, and returns the port. */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port was bound');
  return bound.port;
}

/** Returns a port of loopback that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** Sends what is asked of hosts elsewhere to a port of loopback that nothing listens on, so that no test leaves the machine. */
export const nobodyElsewhere = { HTTPS_PROXY: 'http://127.0.0.1:1' } as const;
