import { parseDuration } from '../../deploy/job/duration.ts';
import type { Nomad } from '../../deploy/nomad/nomad.ts';
import { type NomadConnection, readConnection } from '../../deploy/nomad/nomad-connection.ts';
import type { FollowOptions } from '../../deploy/release/follow.ts';
import { watchCommand } from '../../deploy/release/outcome.ts';
import type { Provenance } from '../../deploy/running/job-history.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import { readOrigin } from '../publish/releases/origin.ts';

/** Flags that say which Nomad is meant, and where in it. */
export interface NomadFlags {
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  readonly region?: string | undefined;
}

/** Flags of every command that watches. */
export interface WatchFlags extends NomadFlags {
  readonly queue?: boolean | undefined;
  /** True unless `--no-fail-fast`. */
  readonly failFast?: boolean | undefined;
  readonly timeout?: string | undefined;
  /** Promote the canaries once they are healthy. */
  readonly promote?: boolean | undefined;
}

/** Asks a person at the terminal, until `signal` ends it by throwing its reason; null where nobody is there. */
export type Confirm = ((question: string, signal: AbortSignal) => Promise<boolean>) | null;

/**
 * Opens Nomad's API for as long as `use` takes. Flags go before the environment, as with Nomad's own command.
 * @throws {SaddlebagError} what `readConnection` throws
 */
export async function withNomad<T>(
  flags: NomadFlags,
  context: Context,
  use: (nomad: Nomad) => Promise<T>,
): Promise<T> {
  const connection = await readConnection(context.env, { address: flags.address });
  // Only now: the HTTP client takes as long to load as all the rest, and a dry run needs none.
  const { openNomad } = await import('../../deploy/nomad/nomad.ts');
  const place = {
    namespace: flags.namespace ?? connection.namespace,
    region: flags.region ?? connection.region,
  };
  const nomad = openNomad({ ...connection, ...place }, context.signal);
  try {
    return await use(nomad);
  } finally {
    await nomad.close();
  }
}

/** Returns what the flags say about watching. */
export function followOptions(flags: WatchFlags, verb: string, confirm: Confirm): FollowOptions {
  return {
    queue: flags.queue ?? false,
    failFast: flags.failFast ?? true,
    timeoutMs: parseTimeout(flags.timeout, verb),
    mayPromote: async (signal) =>
      flags.promote ?? (await confirm?.('The canaries are healthy. Promote them?', signal)) ?? false,
  };
}

/** Tells who deploys, and of which revision. */
export async function provenanceOf(context: Context): Promise<Provenance> {
  const { publishedBy, revision } = await readOrigin(context);
  return { deployedBy: publishedBy, revision };
}

/** Null where none was given: then what is watched decides how long. */
export function parseTimeout(text: string | undefined, verb: string): number | null {
  if (text === undefined) return null;
  const timeoutMs = parseDuration(text);
  // Node's timers hold 31 bits.
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs < 2 ** 31) return timeoutMs;
  throw new SaddlebagError(
    'timeout-invalid',
    `cannot ${verb}: --timeout: expected a duration like 5m, up to 500h, got "${text}"`,
    { hint: `see saddlebag ${verb} --help`, exitCode: exitCodes.usage },
  );
}

/**
 * Runs what only looks on; Ctrl-C is then no more than that.
 * @throws {SaddlebagError} `interrupted`; what `look` throws
 */
export async function lookOn<T>(
  nomad: Nomad,
  job: string,
  { signal }: Context,
  look: () => Promise<T>,
): Promise<T> {
  try {
    return await look();
  } catch (cause) {
    if (!signal.aborted) throw cause;
    const command = watchCommand(job, nomad.connection.namespace ?? 'default');
    throw interrupted(`watching ${job}`, 'Nomad goes on with it', `go on watching with ${command}`);
  }
}

/** Returns the job's page in Nomad's UI; null where no browser gets: behind a unix socket. */
export function jobPage({ address, socketPath, namespace }: NomadConnection, jobId: string): string | null {
  if (socketPath !== null) return null;
  return `${address}/ui/jobs/${encodeURIComponent(jobId)}@${namespace ?? 'default'}`;
}

/** Names the job's page in Nomad's UI. */
export function reportPage(nomad: Nomad, jobId: string, { reporter }: Context): void {
  const page = jobPage(nomad.connection, jobId);
  if (page !== null) reporter.report({ kind: 'step', stage: 'deploy', message: `job ${jobId}: ${page}` });
}
