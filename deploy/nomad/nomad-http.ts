import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { describeCause, SaddlebagError } from '../../src/core/errors.ts';
import { explainRight, rightOf } from './acl.ts';
import type { NomadConnection } from './nomad-connection.ts';
import { ShapeError } from './shape.ts';

/** One call of the API. */
export interface NomadRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/v1`, its parts encoded: `/job/web`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** For errors: completes `cannot …`, for example `read job web`. */
  readonly action: string;
  /** How long the server may hold the answer back (a blocking query). */
  readonly waitMs?: number;
  /** How long a read is tried again where Nomad cannot be reached or answers with an error of its own. */
  readonly patienceMs?: number;
  /** Ends this call alone. */
  readonly signal?: AbortSignal;
}

/** An answer whose status is 2xx or 404. */
export interface NomadResponse {
  readonly isFound: boolean;
  readonly text: string;
  /** X-Nomad-Index: for the next blocking query; 0 when there is none. */
  readonly index: number;
}

/** Sends calls over one set of connections, until closed. */
export interface NomadHttp {
  send(call: NomadRequest): Promise<NomadResponse>;
  /** Opens an answer that goes on; null where there is none (404). Is sent once; breaks off by throwing. */
  stream(call: NomadRequest): Promise<AsyncIterable<Uint8Array> | null>;
  close(): Promise<void>;
}

const answerTimeoutMs = 15_000;
/** An answer larger than this is not Nomad's. */
const maxAnswerBytes = 256 << 20;
/** As undici has it. A log that is followed has no end. */
const unlimited = -1;

/**
 * Opens connections to Nomad; they live until `close`. Every call obeys `signal`.
 * `send` throws {SaddlebagError} `nomad-unreachable`, `nomad-forbidden`, `nomad-refused`, `nomad-failed`; nothing that it
 * throws holds a credential.
 */
export function openNomadHttp(connection: NomadConnection, signal: AbortSignal): NomadHttp {
  const answers: Line = { connection, agent: createAgent(connection, maxAnswerBytes) };
  const streams: Line = { connection, agent: createAgent(connection, unlimited) };
  const either = (call: NomadRequest) =>
    call.signal === undefined ? signal : AbortSignal.any([signal, call.signal]);
  return {
    send: (call) => sendPatiently(answers, call, either(call)),
    stream: (call) => openStream(streams, call, either(call)),
    close: async () => {
      await Promise.all([answers.agent.destroy(), streams.agent.destroy()]);
    },
  };
}

/** An agent of Nomad, and the connections to it; none is opened before it is needed. */
interface Line {
  readonly connection: NomadConnection;
  readonly agent: Dispatcher;
}

function createAgent(
  { socketPath, tls, proxy, origin }: NomadConnection,
  maxResponseSize: number,
): Dispatcher {
  const trust = {
    rejectUnauthorized: !tls.skipVerify,
    ...(tls.ca === null ? {} : { ca: [...tls.ca] }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
    ...(tls.serverName === null ? {} : { servername: tls.serverName }),
  };
  const connect = { timeout: 5_000, ...trust, ...(socketPath === null ? {} : { socketPath }) };
  if (proxy === null) return new Agent({ maxResponseSize, connect });
  const uri = proxy.url.reveal();
  return new EnvHttpProxyAgent({
    maxResponseSize,
    connect,
    requestTls: trust,
    // Plain requests are handed over whole: many proxies tunnel to port 443 only.
    proxyTunnel: origin.startsWith('https:'),
    httpProxy: uri,
    httpsProxy: uri,
    noProxy: proxy.exceptions,
  });
}

/**
 * Tries reads again with growing pauses; a write is sent once, since nobody knows what became of the one that broke
 * off.
 */
async function sendPatiently(line: Line, call: NomadRequest, signal: AbortSignal): Promise<NomadResponse> {
  const deadline = Date.now() + (call.method === 'GET' ? (call.patienceMs ?? 2_000) : 0);
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 3_000)) {
    try {
      return await sendOnce(line, call, signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (!isPassing(cause) || Date.now() + pauseMs > deadline) throw cause;
    }
    await delay(pauseMs, undefined, { signal });
  }
}

function isPassing(cause: unknown): boolean {
  return (
    cause instanceof SaddlebagError && (cause.code === 'nomad-unreachable' || cause.code === 'nomad-failed')
  );
}

async function sendOnce(line: Line, call: NomadRequest, signal: AbortSignal): Promise<NomadResponse> {
  try {
    const response = await requestOnce(line, call, { signal, bodyTimeout: answerTimeoutMs });
    const text = await response.body.text();
    const { statusCode: status } = response;
    const index = Number(response.headers['x-nomad-index'] ?? 0);
    if (status >= 200 && status < 300) return { isFound: true, text, index };
    if (status === 404) return { isFound: false, text, index };
    throw refusal(line.connection, call, { status, text });
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof SaddlebagError ? cause : unreachable(line.connection, cause);
  }
}

async function openStream(
  line: Line,
  call: NomadRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | null> {
  try {
    // Nobody knows when a task writes again.
    const { statusCode: status, body } = await requestOnce(line, call, {
      signal,
      bodyTimeout: 0,
    });
    if (status >= 200 && status < 300) return body;
    const text = await body.text();
    if (status === 404) return null;
    throw refusal(line.connection, call, { status, text });
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof SaddlebagError ? cause : unreachable(line.connection, cause);
  }
}

function requestOnce(
  { connection, agent }: Line,
  call: NomadRequest,
  options: { readonly signal: AbortSignal; readonly bodyTimeout: number },
) {
  return request(urlOf(connection, call), {
    method: call.method,
    dispatcher: agent,
    headers: headersOf(connection),
    // The server adds up to a sixteenth to the time that it was asked to wait.
    headersTimeout: answerTimeoutMs + (call.waitMs ?? 0) * 1.1,
    ...options,
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
}

function urlOf(connection: NomadConnection, { path, query = {}, waitMs }: NomadRequest): URL {
  const url = new URL(`${connection.origin}${connection.basePath}/v1${path}`);
  const { namespace, region } = connection;
  if (namespace !== null) url.searchParams.set('namespace', namespace);
  if (region !== null) url.searchParams.set('region', region);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  if (waitMs !== undefined) url.searchParams.set('wait', `${waitMs}ms`);
  return url;
}

function headersOf({ token, httpAuth }: NomadConnection): Record<string, string> {
  return {
    'content-type': 'application/json',
    ...(token === null ? {} : { 'x-nomad-token': token.reveal() }),
    ...(httpAuth === null
      ? {}
      : { authorization: `Basic ${Buffer.from(httpAuth.reveal()).toString('base64')}` }),
  };
}

function refusal(
  { address, token, namespace }: NomadConnection,
  call: NomadRequest,
  { status, text }: { readonly status: number; readonly text: string },
): SaddlebagError {
  const { action } = call;
  const reason = shorten(text) || `status ${status}`;
  if (status === 401 || status === 403) {
    return new SaddlebagError('nomad-forbidden', `cannot ${action}: Nomad at ${address} says: ${reason}`, {
      hint: explainRight({ hasToken: token !== null, namespace }, rightOf(call)),
    });
  }
  // Nomad answers in JSON or plain words: this is another server's page.
  if (status < 500 && /^\s*<[?!a-z]/i.test(text)) {
    const what = `cannot ${action}: ${address} answers ${status}, but not as Nomad does`;
    return new SaddlebagError('nomad-answer-invalid', what, { hint: notNomad });
  }
  const message = `cannot ${action}: Nomad at ${address} says: ${reason}`;
  // Nomad answers 500 to many mistakes of the caller too: the text is all there is to tell them apart.
  return status >= 500 || status === 429
    ? new SaddlebagError('nomad-failed', message)
    : new SaddlebagError('nomad-refused', message);
}

const notNomad = 'is NOMAD_ADDR the address of a Nomad agent?';

function unreachable({ address, proxy }: NomadConnection, cause: unknown): SaddlebagError {
  const code = codeOf(cause);
  const direct =
    proxy === null
      ? 'start an agent (nomad agent -dev), or set NOMAD_ADDR to one that runs'
      : 'a proxy of the environment is in between: NO_PROXY names the hosts that are asked directly';
  const reason = reasons[code] ?? describeCause(firstOf(cause));
  return new SaddlebagError('nomad-unreachable', `cannot reach Nomad at ${address}: ${reason}`, {
    hint: /CERT|SIGNATURE/.test(code)
      ? 'NOMAD_CACERT names the authority, NOMAD_TLS_SERVER_NAME the name that it vouches for'
      : direct,
    cause,
  });
}

const untrusted = 'its certificate is not signed by an authority that is trusted';

/** Source: Node's errno and TLS error codes; undici's Errors.md. */
const notTls = 'it does not speak TLS as we do; is it http:// rather than https://?';

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the name server does not answer',
  EPROTO: notTls,
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UND_ERR_CONNECT_TIMEOUT: 'it does not accept the connection within 5 s',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer in time',
  UND_ERR_BODY_TIMEOUT: 'its answer broke off',
  UND_ERR_SOCKET: 'it closed the connection',
};

/** A name with several addresses fails with one error for each; the first stands for all. */
function firstOf(cause: unknown): unknown {
  return cause instanceof AggregateError ? cause.errors[0] : cause;
}

function codeOf(cause: unknown): string {
  const { code } = firstOf(cause) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}

function shorten(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 500 ? `${line.slice(0, 500)}…` : line;
}

/**
 * Parses the JSON of an answer and hands it to a reader of its shape.
 * @throws {SaddlebagError} `nomad-answer-invalid` when it is not JSON, or the reader finds another shape
 */
export function readAnswer<T>(text: string, action: string, read: (value: unknown) => T): T {
  try {
    return read(JSON.parse(text));
  } catch (cause) {
    const reason = reasonOfAnswer(cause);
    if (reason === undefined) throw cause;
    throw new SaddlebagError('nomad-answer-invalid', `cannot ${action}: unexpected answer, ${reason}`, {
      hint: notNomad,
      cause,
    });
  }
}

function reasonOfAnswer(cause: unknown): string | undefined {
  if (cause instanceof ShapeError) return cause.message;
  if (cause instanceof SyntaxError) return 'not JSON';
  // The stack's end: no difference of jobs has objects in objects in objects without end.
  return cause instanceof RangeError ? 'nested too deeply' : undefined;
}
