import { spawnSync } from 'node:child_process';
import { nobody } from '../helpers/children.ts';

/** Something to start, to its end. */
export interface Command {
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** As root instead of as the unprivileged user. */
  readonly asRoot?: boolean;
}

/** Of those that are measured in turn, one. */
export interface Contender {
  readonly name: string;
  /** Makes what one start needs, unmeasured, and says what to start; `round` 0 counts for nothing. */
  readonly prepare: (round: number) => Command;
}

/**
 * Runs a command to its end and returns milliseconds of wall time.
 * @throws when it ends with another code than 0
 */
export function time({ file, args = [], env = {}, asRoot = false }: Command): number {
  const startNs = process.hrtime.bigint();
  const { status, signal, stderr, error } = spawnSync(file, [...args], {
    ...(asRoot ? {} : nobody),
    cwd: '/',
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const durationMs = Number(process.hrtime.bigint() - startNs) / 1e6;
  if (status !== 0) {
    throw new Error(`${file} ${args.join(' ')} ended with ${status ?? signal}: ${error?.message ?? stderr}`);
  }
  return durationMs;
}

/**
 * Measures all contenders once a round, and in another order each round: what drifts, hits them alike, and so does what
 * one leaves to the next. The first round warms the page cache and is not counted.
 * @returns by name, milliseconds in order of rounds
 */
export function measureRounds(
  contenders: readonly Contender[],
  rounds: number,
): ReadonlyMap<string, readonly number[]> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const contender of inTurn(contenders, round)) {
      const taken = time(contender.prepare(round));
      if (round > 0) samples.get(contender.name)?.push(taken);
    }
  }
  return samples;
}

/** Returns all of them, each two rounds beginning one further, and backwards every other round. */
export function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  const from = (round >> 1) % all.length;
  const turned = [...all.slice(from), ...all.slice(0, from)];
  return round % 2 === 0 ? turned : turned.toReversed();
}

/**
 * Returns what `measureRounds` found for a name.
 * @throws {RangeError} for one that was not measured
 */
export function samplesOf(samples: ReadonlyMap<string, readonly number[]>, name: string): readonly number[] {
  const found = samples.get(name);
  if (found === undefined) throw new RangeError(`${name} was not measured`);
  return found;
}
