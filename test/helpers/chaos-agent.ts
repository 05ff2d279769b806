import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './port.ts';
import { seeded } from './random.ts';

/** A recorded answer: which part of a job's state it is, and its JSON (test/stack/record-nomad.ts). */
interface Recorded {
  readonly part: string;
  readonly answer: unknown;
}

/** How an agent misbehaves: the share of its answers for each. */
export interface Faults {
  /** The connection is closed without an answer. */
  readonly drop: number;
  /** 500, as while there is no leader. */
  readonly fail: number;
  /** The answer comes late. */
  readonly delay: number;
  /** A blocking query ends with no news, or with an index that went back. */
  readonly confuse: number;
}

/** What an agent plays, and how badly. */
export interface ChaosOptions {
  /** The version that is watched: the play begins when it has been submitted. */
  readonly version: number;
  readonly seed: number;
  readonly faults: Faults;
  /** At some moment before the end it answers no more. */
  readonly goesAway?: boolean;
}

const partOf = /^\/v1\/job\/[^/?]+(?:\/(evaluations|deployments|allocations))?(?:\?|$)/;

/**
 * Tells whether two parts that were recorded one after the other changed at once: Nomad calls a deployment failed and goes
 * back to another version in one transaction, and nobody sees the one without the other for long.
 */
function isOneTransaction(part: string, next: string | undefined): boolean {
  return (part === 'deployments' && next === 'job') || (part === 'job' && next === 'deployments');
}

/** Plays the states of a recorded job one by one, and answers what is asked of it, in between and badly. */
export class ChaosAgent {
  readonly #random: () => number;
  readonly #misbehaviour: Faults;
  readonly #left: Recorded[];
  readonly #state = new Map<string, { readonly answer: unknown; readonly index: number }>();
  readonly #server = createServer((request, response) => void this.#answer(request.url ?? '', response));
  readonly #waiting = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #index = 1;
  /** At this many records left, the agent goes away for good; -1 never. */
  readonly #goesAwayAt: number;

  private constructor(name: string, { version, seed, faults, goesAway = false }: ChaosOptions) {
    this.#random = seeded(seed);
    this.#misbehaviour = faults;
    const file = new URL(`../fixtures/nomad/${name}.json`, import.meta.url);
    const records = JSON.parse(readFileSync(file, 'utf8')) as Recorded[];
    this.#left = records.filter(({ part }) => part !== 'plan');
    this.#begin(version);
    this.#goesAwayAt = goesAway ? Math.floor(this.#left.length * this.#random()) : -1;
    this.#timer = setInterval(() => this.#play(), 15);
  }

  /** Starts an agent that plays the recording of that name. */
  static async start(name: string, options: ChaosOptions): Promise<ChaosAgent> {
    const agent = new ChaosAgent(name, options);
    await listenOnLoopback(agent.#server);
    return agent;
  }

  get address(): string {
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port was bound');
    return `http://127.0.0.1:${bound.port}`;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** A watch begins after the submission, so that the job and its evaluation are there. */
  #begin(version: number): void {
    const first = this.#left.findIndex(
      ({ part, answer }) => part === 'job' && (answer as { Version: number }).Version === version,
    );
    const job = this.#left[first]?.answer as { JobModifyIndex: number } | undefined;
    if (job === undefined) throw new Error(`the recording has no version ${version}`);
    const registered = job.JobModifyIndex;
    const isOfTarget = ({ part, answer }: Recorded) =>
      part === 'evaluations' &&
      (answer as { JobModifyIndex?: number }[]).some(({ JobModifyIndex }) => JobModifyIndex === registered);
    const begins = Math.max(first, this.#left.findIndex(isOfTarget));
    for (const part of ['job', 'evaluations', 'deployments', 'allocations']) {
      this.#state.set(part, { answer: part === 'job' ? null : [], index: 1 });
    }
    const rest = this.#left.length - begins - 1;
    while (this.#left.length > rest) this.#play();
  }

  #play(): void {
    let next: Recorded | undefined;
    do {
      if (this.#left.length === this.#goesAwayAt) break;
      next = this.#left.shift();
      if (next === undefined) return;
      this.#index += 1;
      this.#state.set(next.part, { answer: next.answer, index: this.#index });
    } while (isOneTransaction(next.part, this.#left[0]?.part));
    for (const wake of [...this.#waiting]) wake();
  }

  async #answer(url: string, response: ServerResponse): Promise<void> {
    const part = partOf.exec(url);
    if (part === null) {
      response.writeHead(url.includes('/client/') ? 404 : 200).end('{}');
      return;
    }
    const name = part[1] ?? 'job';
    const asked = Number(new URL(url, 'http://agent').searchParams.get('index') ?? 0);
    const luck = this.#random();
    const { drop, fail, delay, confuse } = this.#misbehaviour;
    const isAway = this.#left.length === this.#goesAwayAt;
    if (isAway || luck < drop) return void response.destroy();
    if (luck < drop + fail) return void response.writeHead(500).end('No cluster leader');
    if (luck < drop + fail + delay) await new Promise((wake) => setTimeout(wake, 60 * this.#random()));
    const isConfused = luck >= drop + fail + delay && luck < drop + fail + delay + confuse;
    if (!isConfused) await this.#untilNewer(name, asked, response);
    if (response.destroyed) return;
    if (this.#left.length === this.#goesAwayAt) return void response.destroy();
    const state = this.#state.get(name);
    if (state?.answer === null) return void response.writeHead(404).end('job not found');
    const index = isConfused ? Math.max(1, (state?.index ?? 1) - 3) : state?.index;
    response.setHeader('x-nomad-index', String(index));
    response.end(JSON.stringify(state?.answer));
  }

  async #untilNewer(name: string, asked: number, response: ServerResponse): Promise<void> {
    let wake: () => void = () => undefined;
    const onNews = () => wake();
    this.#waiting.add(onNews);
    response.once('close', onNews);
    while ((this.#state.get(name)?.index ?? 0) <= asked && !response.destroyed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
    this.#waiting.delete(onNews);
  }
}
