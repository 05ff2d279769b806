import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { onTestFinished } from 'vitest';
import { listenOnLoopback } from './port.ts';

/** Ends a server with the test: it takes no more connections, and those of HTTP that are open are closed. */
export function closeWithTest(server: Server): void {
  onTestFinished(() => {
    server.close();
    if ('closeAllConnections' in server) (server as HttpServer).closeAllConnections();
  });
}

/** Lets a server listen on a free port of loopback until the test ends, and returns the port. */
export async function serveInTest(server: Server): Promise<number> {
  closeWithTest(server);
  return listenOnLoopback(server);
}
