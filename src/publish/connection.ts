import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { getCACertificates } from 'node:tls';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';
import type { ProxyVariables } from './proxied-fetch.ts';

/** How servers are reached from here. */
export interface Connection {
  /** PEM texts that are trusted besides what Node trusts; empty for none. */
  readonly certificates: readonly string[];
  /** As the environment has them, in capitals. */
  readonly proxies: ProxyVariables;
}

/** Reaches servers directly, trusting what Node trusts. */
export const directConnection: Connection = { certificates: [], proxies: {} };

/**
 * Reads how servers are reached: certificate authorities of `caFile` or AWS_CA_BUNDLE, besides those that Node trusts
 * (NODE_EXTRA_CA_CERTS among them), and the usual proxy variables.
 * @throws {SaddlebagError} `ca-unreadable`, `url-invalid`
 */
export async function readConnection(
  env: Readonly<Record<string, string | undefined>>,
  caFile?: string,
): Promise<Connection> {
  const file = caFile ?? env.AWS_CA_BUNDLE;
  const certificates = file === undefined || file === '' ? [] : [await readCertificates(file)];
  const proxies = Object.fromEntries(
    ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
      // Small letters win, as with curl: they alone are safe in a CGI script.
      const value = env[name.toLowerCase()] ?? env[name];
      return value === undefined || value === ''
        ? []
        : [[name, name === 'NO_PROXY' ? value : proxyUrl(name, value)]];
    }),
  );
  return { certificates, proxies: Object.keys(proxies).length === 0 ? {} : withoutLoopback(proxies) };
}

/** As curl takes it, also without a scheme. What is wrong with it is not repeated: it may hold a password. */
function proxyUrl(name: string, text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:/i.test(url)) return url;
  throw new SaddlebagError('url-invalid', `cannot use the proxy of ${name}: not a URL of http or https`, {
    hint: `set ${name} to http://HOST:PORT, or NO_PROXY to the hosts that are asked directly`,
    exitCode: exitCodes.usage,
  });
}

/** No proxy can reach what listens on this machine only. */
function withoutLoopback(proxies: ProxyVariables): ProxyVariables {
  const hosts = [proxies.NO_PROXY, 'localhost', '127.0.0.1', '[::1]'].filter((host) => host !== undefined);
  return { ...proxies, NO_PROXY: hosts.join(',') };
}

async function readCertificates(file: string): Promise<string> {
  const refuse = (reason: string, cause?: unknown) =>
    new SaddlebagError('ca-unreadable', `cannot read ${file}: ${reason}`, {
      cause,
      hint: 'give a file of certificates in PEM with --ca-file or AWS_CA_BUNDLE',
      exitCode: exitCodes.usage,
    });
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw refuse(describeCause(cause), cause);
  });
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw refuse('it holds no certificate in PEM');
  return text;
}

/** Makes the agents of Node's own HTTP client, which the AWS SDK uses. */
export function agentsFor(connection: Connection): {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
} {
  const { proxies } = connection;
  const common = { keepAlive: true, maxSockets: 50, proxyEnv: { ...proxies } };
  const ca = trusted(connection);
  return {
    httpAgent: new HttpAgent(common),
    httpsAgent: new HttpsAgent(ca === undefined ? common : { ...common, ca }),
  };
}

/** Makes a `fetch` that goes the same way; Node's own where nothing is special. */
export async function fetchFor(connection: Connection): Promise<typeof fetch> {
  const { HTTP_PROXY, HTTPS_PROXY } = connection.proxies;
  if (connection.certificates.length === 0 && HTTP_PROXY === undefined && HTTPS_PROXY === undefined)
    return fetch;
  // Loaded only here: its library takes as long as all the rest of a small command.
  const { proxiedFetch } = await import('./proxied-fetch.ts');
  return proxiedFetch(connection.proxies, trusted(connection));
}

/**
 * Makes a `fetch` that goes by proxy and certificates of the environment. Returns the reason where those cannot be used: that
 * says nothing of what others reach from elsewhere.
 */
export async function fetchFromHere(
  env: Readonly<Record<string, string | undefined>>,
): Promise<typeof fetch | SaddlebagError> {
  try {
    return await fetchFor(await readConnection(env));
  } catch (cause) {
    if (cause instanceof SaddlebagError) return cause;
    throw cause;
  }
}

function trusted({ certificates }: Connection): string[] | undefined {
  return certificates.length === 0 ? undefined : [...getCACertificates('default'), ...certificates];
}
