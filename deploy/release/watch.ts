import { setTimeout as delay } from 'node:timers/promises';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Reporter } from '../../src/core/reporter.ts';
import { renderDuration } from '../job/duration.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { CheckResult, NomadAllocation } from '../nomad/nomad-answers.ts';
import { explainCheck } from './check-diagnosis.ts';
import { CheckPoll } from './check-poll.ts';
import { shortId } from './diagnosis.ts';
import { Investigation, optional } from './investigation.ts';
import { type BadVerdict, lostSight, outcomeError, timedOut } from './outcome.ts';
import { describeProgress } from './progress.ts';
import { followSnapshots, readSnapshot, type Snapshot } from './snapshot.ts';
import { judge, type Target, type Verdict } from './verdict.ts';
import { renderView } from './view.ts';

/** What is watched, and how long. */
export interface WatchOptions {
  readonly target: Target;
  readonly namespace: string;
  readonly timeoutMs: number;
  /** Fail the deployment as soon as one of its allocations has, instead of leaving it to Nomad's deadlines. */
  readonly failFast: boolean;
  /** Asked when all canaries are healthy and nobody promotes them. */
  readonly mayPromote: (signal: AbortSignal) => Promise<boolean>;
}

/** How a good watch ended. */
export interface WatchResult {
  readonly verdict: Extract<Verdict, { readonly kind: 'healthy' }>;
  readonly snapshot: Snapshot;
}

/**
 * Watches a version until it is healthy, and tells on the way what happens to it.
 * @throws {SaddlebagError} `deploy-failed`, `deploy-reverted`, `deploy-not-placed`, `deploy-superseded`,
 * `deploy-stopped`, `deploy-waits-for-promotion`, `deploy-timed-out`, `deploy-unknown`, `batch-failed`; what the API
 * throws; the reason of `signal`
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
    if (signal.aborted) throw cause;
    if (timeout.aborted) throw timedOut(target, namespace, renderDuration(timeoutMs));
    throw isAway(cause) ? lostSight(target, namespace, cause) : cause;
  }
}

function isAway(cause: unknown): cause is SaddlebagError {
  return (
    cause instanceof SaddlebagError && (cause.code === 'nomad-unreachable' || cause.code === 'nomad-failed')
  );
}

/** One watch: what was shown and found out so far. */
class Watch {
  readonly #nomad: Nomad;
  readonly #options: WatchOptions;
  readonly #reporter: Reporter;
  readonly #polled: CheckPoll;
  #shown: Snapshot | null = null;
  #hasFailedIt = false;

  constructor(nomad: Nomad, options: WatchOptions, reporter: Reporter) {
    this.#nomad = nomad;
    this.#options = options;
    this.#reporter = reporter;
    this.#polled = new CheckPoll(nomad, (allocation, checks) => this.#showChecks(allocation, checks));
  }

  async run(signal: AbortSignal): Promise<WatchResult> {
    const ended = new AbortController();
    // It ends with the watch; a client that does not answer must not hold that up.
    void this.#polled.run(AbortSignal.any([signal, ended.signal]));
    try {
      return await this.#watch(signal);
    } finally {
      ended.abort();
      this.#reporter.report({ kind: 'view', stage: 'deploy', lines: [] });
    }
  }

  async #watch(signal: AbortSignal): Promise<WatchResult> {
    const { target } = this.#options;
    const investigation = new Investigation(this.#nomad, this.#reporter, signal);
    for await (const seen of followSnapshots(this.#nomad, target.jobId, signal)) {
      this.#show(seen);
      await investigation.noteFirst(seen.allocations.filter((one) => one.jobVersion === target.jobVersion));
      if (judge(target, seen).kind === 'running') continue;
      const { verdict, snapshot } = await this.#confirm(seen, signal);
      // What is read here may be newer than what is followed: shown before the end, it would be taken back.
      if (verdict.kind === 'running') continue;
      if (verdict.kind === 'failing') {
        await this.#fail(verdict, investigation);
        continue;
      }
      if (verdict.kind === 'waits-for-promotion' && (await this.#promote(verdict.deployment.id, signal)))
        continue;
      this.#show(snapshot);
      if (verdict.kind === 'healthy') return { verdict, snapshot };
      throw await this.#outcome(verdict, investigation);
    }
    throw new Error('a watch ends with a verdict');
  }

  /**
   * Reads until two whole states in a row have the same verdict: the parts of one state may be of different moments, so
   * that a failure is seen without the revert that came with it.
   */
  async #confirm(
    seen: Snapshot,
    signal: AbortSignal,
  ): Promise<{ readonly verdict: Verdict; readonly snapshot: Snapshot }> {
    const { target } = this.#options;
    let before = { verdict: judge(target, seen), snapshot: seen };
    for (;;) {
      const isTimed = needsTime(target, before.verdict);
      if (isTimed) await delay(target.minHealthyTimeMs, undefined, { signal });
      const snapshot = await readSnapshot(this.#nomad, target.jobId, signal);
      const now = { verdict: judge(target, snapshot), snapshot };
      const isSteady = !isTimed || countRestarts(snapshot) === countRestarts(before.snapshot);
      if (now.verdict.kind === before.verdict.kind && isSteady) return now;
      before = now;
    }
  }

  #show(snapshot: Snapshot): void {
    const { target } = this.#options;
    for (const line of describeProgress(this.#shown, snapshot, target.jobVersion)) {
      this.#reporter.report({ stage: 'deploy', ...line });
    }
    this.#shown = snapshot;
    this.#polled.see(snapshot.allocations.filter(({ jobVersion }) => jobVersion === target.jobVersion));
    this.#draw();
  }

  #draw(): void {
    if (this.#shown === null) return;
    const lines = renderView(this.#options.target, this.#shown, this.#polled.checks);
    this.#reporter.report({ kind: 'view', stage: 'deploy', lines });
  }

  #showChecks({ id }: NomadAllocation, checks: readonly CheckResult[]): void {
    for (const check of checks) {
      const text =
        check.status === 'failure' ? explainCheck(check, []) : `check "${check.check}" is ${check.status}`;
      this.#reporter.report({
        kind: 'detail',
        stage: 'deploy',
        message: `${shortId(id)} ${text}`,
        inView: true,
      });
    }
    this.#draw();
  }

  async #outcome(verdict: BadVerdict, investigation: Investigation): Promise<SaddlebagError> {
    const { target, namespace } = this.#options;
    const culprit = 'culprit' in verdict ? verdict.culprit : null;
    if (culprit !== null) await investigation.explain(culprit);
    const { explanation, advice } = investigation;
    return outcomeError(verdict, { target, namespace, explanation, advice });
  }

  /** Tells what is wrong, once, and has Nomad give up on it now. */
  async #fail(
    verdict: Extract<Verdict, { readonly kind: 'failing' }>,
    investigation: Investigation,
  ): Promise<void> {
    await investigation.explain(verdict.culprit);
    if (!this.#options.failFast || this.#hasFailedIt) return;
    this.#hasFailedIt = true;
    const { id } = verdict.deployment;
    this.#report('step', `failing deployment ${shortId(id)}, so that Nomad need not wait for its deadline`);
    // It may have ended by itself meanwhile, or the token may not do it: then Nomad's own deadline tells.
    await optional(this.#nomad.failDeployment(id), ({ message, hint }) =>
      this.#report('detail', `${message} (${hint})`),
    );
  }

  /** Promotes the canaries where that is wanted; false where it is not, or Nomad will not. */
  async #promote(deploymentId: string, signal: AbortSignal): Promise<boolean> {
    // Whoever is asked reads the question, not a view that is drawn over it.
    this.#reporter.report({ kind: 'view', stage: 'deploy', lines: [] });
    if (!(await this.#options.mayPromote(signal))) return false;
    this.#report('step', `promoting deployment ${shortId(deploymentId)}: its canaries are healthy`);
    return optional(this.#nomad.promoteDeployment(deploymentId).then(() => true)).then(
      (done) => done ?? false,
    );
  }

  #report(kind: 'step' | 'detail', message: string): void {
    this.#reporter.report({ kind, stage: 'deploy', message });
  }
}

/** Without a deployment, nobody but us waits whether what runs stays up. */
function needsTime({ type, count }: Target, verdict: Verdict): boolean {
  return (
    verdict.kind === 'healthy' &&
    verdict.deployment === null &&
    (type === 'system' || (type === 'service' && count > 0))
  );
}

function countRestarts({ allocations }: Snapshot): number {
  return allocations.flatMap(({ tasks }) => tasks).reduce((total, { restarts }) => total + restarts, 0);
}
