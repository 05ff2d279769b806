import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeCause, exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { isLoopback } from '../artifact/artifact-source.ts';
import { Secret } from './secret.ts';

/** Where a Nomad agent is and how it is spoken to. */
export interface NomadConnection {
  /** For messages and links: without credentials, without a slash at the end. */
  readonly address: string;
  /** Scheme, host and port; for a unix socket, a stand-in. */
  readonly origin: string;
  /** Put before `/v1`, for an agent behind a proxy; empty or `/some/path`. */
  readonly basePath: string;
  readonly hostname: string;
  readonly socketPath: string | null;
  readonly namespace: string | null;
  readonly region: string | null;
  readonly token: Secret | null;
  /** `user:password`. */
  readonly httpAuth: Secret | null;
  readonly tls: NomadTls;
  readonly proxy: NomadProxy | null;
}

/** A proxy between here and the agent. */
export interface NomadProxy {
  /** May hold a password. */
  readonly url: Secret;
  /** Hosts that are asked without it, as in NO_PROXY. */
  readonly exceptions: string;
}

/** PEM texts; null leaves it to Node. */
export interface NomadTls {
  readonly ca: readonly string[] | null;
  readonly certificate: string | null;
  readonly key: Secret | null;
  readonly serverName: string | null;
  readonly skipVerify: boolean;
}

const defaultAddress = 'http://127.0.0.1:4646';

/**
 * Reads how to reach Nomad from the variables that its own command reads; `overrides` go before them.
 * Source: Nomad, "Commands", environment variables.
 * @throws {SaddlebagError} `nomad-address-invalid`, `nomad-tls-unreadable`
 */
export async function readConnection(
  env: Readonly<Record<string, string | undefined>>,
  overrides: { readonly address?: string | undefined } = {},
): Promise<NomadConnection> {
  const given = overrides.address ?? nonEmpty(env.NOMAD_ADDR) ?? defaultAddress;
  const url = parseAddress(given);
  const auth = nonEmpty(env.NOMAD_HTTP_AUTH) ?? userInfo(url, given);
  const token = nonEmpty(env.NOMAD_TOKEN);
  const common = {
    namespace: nonEmpty(env.NOMAD_NAMESPACE) ?? null,
    region: nonEmpty(env.NOMAD_REGION) ?? null,
    token: token === undefined ? null : new Secret(token.trim()),
    httpAuth: auth === undefined ? null : new Secret(auth),
    tls: await readTls(env),
  };
  if (url.protocol === 'unix:') {
    const socketPath = decode(url.pathname, given);
    return {
      address: `unix://${socketPath}`,
      origin: 'http://localhost',
      basePath: '',
      hostname: 'localhost',
      socketPath,
      proxy: null,
      ...common,
    };
  }
  const basePath = url.pathname.replace(/\/+$/, '');
  return {
    address: url.origin + basePath,
    origin: url.origin,
    basePath,
    hostname: url.hostname,
    socketPath: null,
    proxy: readProxy(url, env),
    ...common,
  };
}

/**
 * Reads the proxy for a URL, as Go's net/http does for Nomad's own command: of the URL's scheme only, in either case, and
 * none to this host. Source: Go, net/http, ProxyFromEnvironment.
 */
function readProxy(url: URL, env: Readonly<Record<string, string | undefined>>): NomadProxy | null {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const given = nonEmpty(env[name]) ?? nonEmpty(env[name.toLowerCase()]);
  if (given === undefined || isLoopback(url.hostname)) return null;
  const text = given.includes('://') ? given : `http://${given}`;
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new SaddlebagError(
      'nomad-address-invalid',
      `cannot use the proxy of ${name}: not a URL of http or https`,
      {
        hint: `set ${name} to http://HOST:PORT, or NO_PROXY to ${url.hostname}`,
        exitCode: exitCodes.usage,
      },
    );
  }
  return { url: new Secret(text), exceptions: nonEmpty(env.NO_PROXY) ?? nonEmpty(env.no_proxy) ?? '' };
}

function parseAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:', 'unix:'].includes(url.protocol)) return url;
  throw addressInvalid(text, 'expected http://HOST:PORT, https://HOST:PORT or unix:///PATH');
}

function userInfo({ username, password }: URL, address: string): string | undefined {
  return username === '' ? undefined : `${decode(username, address)}:${decode(password, address)}`;
}

function decode(part: string, address: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw addressInvalid(address, 'a % in it is to be written %25');
  }
}

function addressInvalid(text: string, reason: string): SaddlebagError {
  // The text itself may hold a password; what stands before an @ is left out.
  const shown = text.replace(/^.*@/, '…@');
  return new SaddlebagError('nomad-address-invalid', `cannot reach Nomad at ${shown}: ${reason}`, {
    hint: 'set NOMAD_ADDR, or pass --address',
    exitCode: exitCodes.usage,
  });
}

async function readTls(env: Readonly<Record<string, string | undefined>>): Promise<NomadTls> {
  const key = await readPem('NOMAD_CLIENT_KEY', env);
  return {
    ca: await readAuthorities(env),
    certificate: (await readPem('NOMAD_CLIENT_CERT', env)) ?? null,
    key: key === undefined ? null : new Secret(key),
    serverName: nonEmpty(env.NOMAD_TLS_SERVER_NAME) ?? null,
    // Go's strconv.ParseBool, which Nomad reads it with.
    skipVerify: /^(?:1|t|true)$/i.test(env.NOMAD_SKIP_VERIFY ?? ''),
  };
}

/** As in Nomad, a file goes before a directory, and either replaces the system's own list. */
async function readAuthorities(env: Readonly<Record<string, string | undefined>>): Promise<string[] | null> {
  const file = await readPem('NOMAD_CACERT', env);
  if (file !== undefined) return [file];
  const directory = nonEmpty(env.NOMAD_CAPATH);
  if (directory === undefined) return null;
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    return await Promise.all(files.sort().map((name) => readFile(join(directory, name), 'utf8')));
  } catch (cause) {
    throw unreadable('NOMAD_CAPATH', directory, cause);
  }
}

async function readPem(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const file = nonEmpty(env[name]);
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(name, file, cause);
  }
}

function unreadable(name: string, file: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('nomad-tls-unreadable', `cannot read ${file}: ${describeCause(cause)}`, {
    hint: `${name} names it`,
    cause,
    exitCode: exitCodes.usage,
  });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}
