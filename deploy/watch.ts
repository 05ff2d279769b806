import { SaddlebagError } from '../src/core/errors.ts';
import type { Reporter } from '../src/core/reporter.ts';
import { explainAllocation, failedTask, isUp, lastLines, shortId } from './diagnosis.ts';
import { renderDuration } from './duration.ts';
import type { Nomad } from './nomad.ts';
import type { NomadAllocation } from './nomad-answers.ts';
import { type BadVerdict, outcomeError, timedOut } from './outcome.ts';
import { describeProgress } from './progress.ts';
import { followSnapshots, readSnapshot, type Snapshot } from './snapshot.ts';
import { judge, type Target, type Verdict } from './verdict.ts';

/** What is watched, and how long. */
export interface WatchOptions {
  readonly target: Target;
  readonly namespace: string;
  readonly timeoutMs: number;
  /** Fail the deployment as soon as one of its allocations has, instead of leaving it to Nomad's deadlines. */
  readonly failFast: boolean;
}

/** How a good watch ended. */
export interface WatchResult {
  readonly verdict: Extract<Verdict, { readonly kind: 'healthy' }>;
  readonly snapshot: Snapshot;
}

/**
 * Watches a version until it is healthy, and tells on the way what happens to it.
 * @throws {SaddlebagError} `deploy-failed`, `deploy-reverted`, `deploy-not-placed`, `deploy-superseded`,
 * `deploy-stopped`, `deploy-waits-for-promotion`, `deploy-timed-out`, `batch-failed`; what the API throws; the reason of
 * `signal`
 */
export async function watchRelease(
  nomad: Nomad,
  options: WatchOptions,
  { reporter, signal }: { readonly reporter: Reporter; readonly signal: AbortSignal },
): Promise<WatchResult> {
  const { target, namespace, timeoutMs } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await new Watch(nomad, options, reporter).run(AbortSignal.any([signal, timeout]));
  } catch (cause) {
    if (!signal.aborted && timeout.aborted) throw timedOut(target, namespace, renderDuration(timeoutMs));
    throw cause;
  }
}

/** One watch: what was shown and found out so far. */
class Watch {
  readonly #nomad: Nomad;
  readonly #options: WatchOptions;
  readonly #reporter: Reporter;
  #shown: Snapshot | null = null;
  /** Why the version failed, once that is known. */
  #explanation: string | null = null;
  #hasFailedIt = false;

  constructor(nomad: Nomad, options: WatchOptions, reporter: Reporter) {
    this.#nomad = nomad;
    this.#options = options;
    this.#reporter = reporter;
  }

  async run(signal: AbortSignal): Promise<WatchResult> {
    const { target } = this.#options;
    for await (const seen of followSnapshots(this.#nomad, target.jobId, signal)) {
      this.#show(seen);
      if (judge(target, seen).kind === 'running') continue;
      // The parts of a followed state may be of different moments; what ends a watch must hold in one.
      const snapshot = await readSnapshot(this.#nomad, target.jobId, signal);
      const verdict = judge(target, snapshot);
      if (verdict.kind === 'running') continue;
      if (verdict.kind === 'failing') {
        await this.#fail(verdict);
        continue;
      }
      this.#show(snapshot);
      if (verdict.kind === 'healthy') return { verdict, snapshot };
      throw await this.#outcome(verdict);
    }
    throw new Error('a watch ends with a verdict');
  }

  #show(snapshot: Snapshot): void {
    for (const { kind, message } of describeProgress(
      this.#shown,
      snapshot,
      this.#options.target.jobVersion,
    )) {
      this.#report(kind, message);
    }
    this.#shown = snapshot;
  }

  async #outcome(verdict: BadVerdict): Promise<SaddlebagError> {
    const { target, namespace } = this.#options;
    const culprit = 'culprit' in verdict ? verdict.culprit : null;
    if (culprit !== null) await this.#explain(culprit);
    return outcomeError(verdict, { target, namespace, explanation: this.#explanation });
  }

  /** Tells, once, why an allocation failed, with the last lines that it wrote. */
  async #explain(culprit: NomadAllocation): Promise<void> {
    if (this.#explanation !== null) return;
    const checks = isUp(culprit) ? await optional(this.#nomad.readChecks(culprit.id)) : null;
    const explanation = explainAllocation(culprit, checks ?? []);
    const lines = await this.#readLastLines(culprit);
    const lastWords = isUp(culprit) ? undefined : lines.at(-1);
    this.#explanation =
      lastWords === undefined ? explanation : `${explanation}, its last words: ${lastWords}`;
    this.#report('step', `allocation ${shortId(culprit.id)} failed: ${explanation}`);
    for (const line of lines) this.#report('detail', line);
  }

  async #readLastLines(culprit: NomadAllocation): Promise<string[]> {
    const task = failedTask(culprit);
    if (task === undefined) return [];
    for (const stream of ['stderr', 'stdout'] as const) {
      const request = { allocationId: culprit.id, task: task.name, stream, maxBytes: 16_384 };
      const lines = lastLines((await optional(this.#nomad.readLog(request))) ?? '', 20);
      if (lines.length > 0) return lines;
    }
    return [];
  }

  /** Tells what is wrong, once, and has Nomad give up on it now. */
  async #fail(verdict: Extract<Verdict, { readonly kind: 'failing' }>): Promise<void> {
    await this.#explain(verdict.culprit);
    if (!this.#options.failFast || this.#hasFailedIt) return;
    this.#hasFailedIt = true;
    const { id } = verdict.deployment;
    this.#report('step', `failing deployment ${shortId(id)}, so that Nomad need not wait for its deadline`);
    // It may have ended by itself meanwhile, or the token may not do it: then Nomad's own deadline tells.
    await optional(this.#nomad.failDeployment(id));
  }

  #report(kind: 'step' | 'detail', message: string): void {
    this.#reporter.report({ kind, stage: 'deploy', message });
  }
}

/** Waits for what is a help but not the result: where Nomad refuses it, it is null. */
async function optional<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (cause) {
    if (cause instanceof SaddlebagError) return null;
    throw cause;
  }
}
