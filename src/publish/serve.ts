import { once } from 'node:events';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { join, relative, sep } from 'node:path';
import send from 'send';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';

/** What is served, and where. */
export interface ServeOptions {
  readonly directory: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Called once a request is answered or broken off. */
  readonly onAccess?: (access: Access) => void;
}

/** One answered request, for a log. */
export interface Access {
  readonly method: string;
  /** As it was asked for, percent-encoded. */
  readonly path: string;
  readonly status: number;
  /** False when the client left before it had everything. */
  readonly complete: boolean;
  /** The name by which this server was asked, where that is why it did not answer. */
  readonly foreignHost?: string;
}

/** A server that answers until it is closed. */
export interface RunningServer {
  /** No slash at its end. */
  readonly url: string;
  /** Lets downloads under way end, for some seconds, and frees the port. */
  close(): Promise<void>;
}

/** Downloads that take longer are cut when the server is stopped. */
const closeGraceMs = 5_000;

/**
 * Serves the files of a folder by HTTP: GET, HEAD, ranges, ETag. Directories are not listed, hidden files (what is just
 * being written) not shown, and symbolic links that lead out of the folder not followed. On loopback only who asks for
 * `localhost`, an address or `host` is answered.
 * @throws {SaddlebagError} `folder-unreadable`, `listen-failed`
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const root = await findRoot(options.directory);
  const server = createServer();
  await listen(server, options);
  const bound = server.address();
  const { address = '', port = options.port } = typeof bound === 'object' && bound !== null ? bound : {};
  const isLoopback = /^127\.|^::1$/.test(address);
  server.on('request', (request, response) => {
    const foreignHost = isLoopback ? foreignHostOf(request, options.host) : undefined;
    response.once('close', () =>
      options.onAccess?.({
        method: request.method ?? '',
        path: request.url ?? '',
        status: response.statusCode,
        complete: response.writableFinished,
        ...(foreignHost === undefined ? {} : { foreignHost }),
      }),
    );
    if (foreignHost !== undefined) return refuse(response, 421);
    answer(root, request, response).catch(() => refuse(response, 500));
  });
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, close: () => close(server) };
}

/** A listening address. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Parses `HOST:PORT`; an IPv6 address stands in brackets.
 * @throws {SaddlebagError} `listen-invalid`
 */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new SaddlebagError('listen-invalid', `cannot listen on ${JSON.stringify(text)}: expected HOST:PORT`, {
    hint: 'for example --listen 127.0.0.1:8000, or --listen 0.0.0.0:8000 for every network',
    exitCode: exitCodes.usage,
  });
}

async function findRoot(directory: string): Promise<string> {
  const refused = (reason: string, cause?: unknown) =>
    new SaddlebagError('folder-unreadable', `cannot serve ${directory}: ${reason}`, {
      cause,
      hint: 'give the folder that was given to publish --to',
    });
  try {
    if ((await stat(directory)).isDirectory()) return await realpath(directory);
  } catch (cause) {
    throw refused(describeCause(cause), cause);
  }
  throw refused('it is not a folder');
}

async function listen(server: Server, { host, port }: ServeOptions): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason =
      (code !== undefined && listenReasons[code]) || (cause instanceof Error ? cause.message : String(cause));
    throw new SaddlebagError('listen-failed', `cannot listen on ${host}:${port}: ${reason}`, {
      cause,
      hint: 'choose another address with --listen HOST:PORT',
    });
  }
}

const listenReasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied (ports below 1024 are for root)',
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host name',
};

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cut = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  await closed;
  clearTimeout(cut);
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Nothing that is served here should ever run in a browser as a page of this host.
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return refuse(response, 405);
  }
  const path = decodePath(request.url ?? '');
  const file = path === undefined ? undefined : await resolveInside(root, path);
  if (file === undefined) return refuse(response, 404);
  send(request, file.split(sep).map(encodeURIComponent).join('/'), {
    root,
    // Refused above as well, as they are asked for; this is for what a link inside the folder leads to.
    dotfiles: 'ignore',
    index: false,
  })
    // Without these, send would answer with a page, or redirect a directory to its own name with a slash.
    .on('error', (error: { readonly status?: number }) => refuse(response, error.status ?? 500))
    .on('directory', () => refuse(response, 404))
    .pipe(response);
}

/**
 * Returns the name by which a server on loopback is asked, where it is none of its own. A page of anybody's in a browser
 * on this machine can have a name of its own lead here (DNS rebinding), and would read what is served. Whoever listens on
 * a network answers to whatever name it has there.
 */
function foreignHostOf({ headers }: IncomingMessage, ownHost: string): string | undefined {
  const { host = '' } = headers;
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  const isOwn = name === '' || isIP(name) !== 0 || name === ownHost.toLowerCase();
  return isOwn || /(?:^|\.)localhost$/.test(name) ? undefined : host;
}

/** Returns undefined for what names no published file. */
function decodePath(url: string): string | undefined {
  const [encoded = ''] = url.split('?');
  try {
    const components = encoded.split('/').slice(1).map(decodeURIComponent);
    const allowed = (component: string) => !/^$|^\.|[/\\\0]/.test(component);
    return encoded.startsWith('/') && components.every(allowed) ? components.join(sep) : undefined;
  } catch {
    return undefined;
  }
}

/** Follows the links of a path and returns where it ends, relative to the root, unless that is outside. */
async function resolveInside(root: string, path: string): Promise<string | undefined> {
  const real = await realpath(join(root, path)).catch(() => undefined);
  if (real === undefined || !real.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
  return relative(root, real);
}

function refuse(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Length': 0 }).end();
}
