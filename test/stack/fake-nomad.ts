import { createServer, type IncomingMessage } from 'node:http';
import { serveInTest } from '../helpers/test-server.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a fake Nomad was asked, and how it answers; for cases in which a real one says no more. */
export interface FakeNomad {
  readonly address: string;
  /** `METHOD /path` of each call, in order. */
  readonly calls: string[];
  /** Bodies of the last call of each path. */
  readonly bodies: Map<string, Json>;
}

/** Answers by path below `/v1`, without its query; a function is called with the request's body. */
export type FakeAnswers = Readonly<Record<string, Json | readonly unknown[] | ((body: Json) => unknown)>>;

/** Tells a fake Nomad to refuse. */
export class Refusal {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    this.status = status;
    this.text = text;
  }
}

/** Starts an HTTP server on loopback that answers what it is told to, and 404 to everything else. */
export async function startFakeNomad(answers: FakeAnswers): Promise<FakeNomad> {
  const calls: string[] = [];
  const bodies = new Map<string, Json>();
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const path = (request.url ?? '').replace(/^\/v1/, '').replace(/\?.*$/, '');
    calls.push(`${request.method} ${path}`);
    bodies.set(path, body);
    const answer = answers[path];
    const value = typeof answer === 'function' ? (answer as (body: Json) => unknown)(body) : answer;
    if (value instanceof Refusal) response.writeHead(value.status).end(value.text);
    else if (value === undefined) response.writeHead(404).end('not found');
    else response.end(JSON.stringify(value));
  });
  return { address: `http://127.0.0.1:${await serveInTest(server)}`, calls, bodies };
}

async function readBody(request: IncomingMessage): Promise<Json> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Json);
}
