import type { CheckResult } from '../nomad/nomad-answers.ts';

/** Source: Go's net package, as a client writes it into the output of a check. */
const refused = /dial tcp (\[[0-9a-f:]+\]|[\d.]+):(\d+): connect: connection refused/;

/** An address that an app says it listens on, in the words of most servers. */
const spoken = /(127\.\d+\.\d+\.\d+|localhost|\[::1?\]|0\.0\.0\.0|\*):(\d{2,5})\b/g;

interface Address {
  readonly host: string;
  readonly port: string;
}

/**
 * Explains in one clause why a check fails. Where the connection is refused, what the app wrote (`log`) tells whether it
 * listens on another port, on loopback only, or not at all.
 */
export function explainCheck({ check, output, statusCode }: CheckResult, log: readonly string[]): string {
  const name = `check "${check}"`;
  const match = refused.exec(output);
  if (match === null) {
    const said = shorten(output.trim().replace(/\s*\n\s*/g, ' '));
    // The page that the app answered with may say nothing, or not that it is none.
    const parts = [...(statusCode > 0 ? [`the app answers ${statusCode}`] : []), said];
    return `${name} fails: ${parts.filter((part) => part !== '').join(': ')}`;
  }
  const asked: Address = { host: match[1] ?? '', port: match[2] ?? '' };
  return `${name} fails: nothing accepts connections at ${asked.host}:${asked.port}${supposeWhy(asked, log)}`;
}

/** An app answers with a page as readily as with a sentence. */
const mostSaid = 200;

function shorten(text: string): string {
  return text.length > mostSaid ? `${text.slice(0, mostSaid)}…` : text;
}

function supposeWhy(asked: Address, log: readonly string[]): string {
  const said = log
    .flatMap((line) => [...line.matchAll(spoken)])
    .map((match): Address => ({ host: match[1] ?? '', port: match[2] ?? '' }));
  const samePort = said.find(({ port }) => port === asked.port);
  if (samePort !== undefined && isLoopback(samePort.host) && !isLoopback(asked.host)) {
    return `; the app listens on ${samePort.host} only: let it listen on 0.0.0.0`;
  }
  const [other] = said;
  if (samePort === undefined && other !== undefined) {
    return `; the app says that it listens on ${other.host}:${other.port}: let it take its port from PORT${
      isLoopback(other.host) && !isLoopback(asked.host) ? ' and listen on 0.0.0.0' : ''
    }`;
  }
  return isLoopback(asked.host)
    ? `; does the app listen on the port in PORT?`
    : '; does the app listen on the port in PORT, and on 0.0.0.0 rather than 127.0.0.1?';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}
