import type { WarningCode } from '../../src/core/codes.ts';
import type { Context } from '../../src/core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../../src/core/errors.ts';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad, RegisterAnswer } from '../nomad/nomad.ts';
import type { Provenance } from '../running/job-history.ts';
import { registered } from './attach.ts';
import { evalIdOf, type FollowOptions, followVersion, readTarget, toRelease } from './follow.ts';
import { multiregion, notPlaced, watchCommand } from './outcome.ts';
import type { PreparedRelease } from './prepare.ts';
import type { Release } from './release-model.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import { belongsTo, endsByItself, judge, type Target, type Verdict } from './verdict.ts';
import { tagVersion } from './version-tag.ts';

/** How a job is submitted and watched. */
export interface ReleaseOptions extends FollowOptions {
  /** Return as soon as the job is submitted. */
  readonly detach: boolean;
  /** Start a version anew that failed, though some allocations run: they are stopped for that. */
  readonly force: boolean;
  /** Is noted beside the version, not in the job. */
  readonly provenance: Provenance;
}

/**
 * Submits a prepared job and watches it until it is healthy. A job that would not change and is healthy is left alone;
 * one whose deployment still goes on is watched to its end; one that failed is started anew.
 * @throws {SaddlebagError} `job-changed`, `deploy-not-placed`, `interrupted`; what `watchRelease` and the API throw
 */
export async function release(
  nomad: Nomad,
  prepared: PreparedRelease,
  options: ReleaseOptions,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<Release> {
  return new Releaser(nomad, prepared, options, context).run();
}

const nothingDone = 'nothing was submitted';

class Releaser {
  readonly #nomad: Nomad;
  readonly #prepared: PreparedRelease;
  readonly #options: ReleaseOptions;
  readonly #context: Pick<Context, 'reporter' | 'signal'>;
  readonly #namespace: string;
  /** For who interrupts: what has been done to the cluster so far. */
  #outcome = nothingDone;

  constructor(
    nomad: Nomad,
    prepared: PreparedRelease,
    options: ReleaseOptions,
    context: Pick<Context, 'reporter' | 'signal'>,
  ) {
    this.#nomad = nomad;
    this.#prepared = prepared;
    this.#options = options;
    this.#context = context;
    this.#namespace = nomad.connection.namespace ?? 'default';
  }

  async run(): Promise<Release> {
    const { id } = this.#prepared.spec;
    try {
      return await this.#release();
    } catch (cause) {
      if (!this.#context.signal.aborted) throw cause;
      const hint =
        this.#outcome === nothingDone
          ? 'run the same command again'
          : `go on watching with ${watchCommand(id, this.#namespace)}`;
      throw interrupted(`deploying ${id}`, this.#outcome, hint);
    }
  }

  async #release(): Promise<Release> {
    const { plan, spec, current } = this.#prepared;
    if (isMultiregion(spec.job)) throw multiregion(spec.id);
    if (plan.diff.type === 'None' && current !== null && !current.isStopped) {
      return this.#goOn(current);
    }
    if (plan.failures.length > 0 && !this.#options.queue) {
      const hint = 'nothing was submitted; pass --queue to submit it and wait for room';
      throw notPlaced(spec.id, plan.failures, hint);
    }
    return this.#submit(current);
  }

  /** Deals with a job that would not change, by what became of the version that the cluster has. */
  async #goOn(current: NomadJobState): Promise<Release> {
    const { id } = this.#prepared.spec;
    const { signal } = this.#context;
    const target = await this.#targetOf(current);
    if (current.special !== null) {
      this.#step(`version ${current.version} of ${id} would not change: nothing to do`);
      return toRelease('unchanged', { target, evalId: '', namespace: this.#namespace }, null);
    }
    const snapshot = await readSnapshot(this.#nomad, id, signal);
    const verdict = judge(target, snapshot);
    if (verdict.kind === 'healthy') {
      this.#step(`version ${current.version} of ${id} is up and would not change: nothing to do`);
      this.#warnOfMissing(target, snapshot);
      const evalId = evalIdOf(target, snapshot);
      return toRelease('unchanged', { target, evalId, namespace: this.#namespace }, snapshot);
    }
    if (goesOn(verdict)) {
      this.#outcome = `version ${current.version} was submitted before, and Nomad goes on with it`;
      this.#step(`version ${current.version} of ${id} is the same and not yet decided: watching it`);
      return this.#watch(target, evalIdOf(target, snapshot));
    }
    if (verdict.kind !== 'failed' && verdict.kind !== 'batch-failed') {
      throw jobChanged(id, 'somebody else changed it meanwhile');
    }
    const running = snapshot.allocations.filter(
      ({ desiredStatus, clientStatus }) => desiredStatus === 'run' && clientStatus === 'running',
    );
    if (running.length > 0 && !this.#options.force) throw failedBefore(id, current.version, running.length);
    this.#step(`version ${current.version} of ${id} is the same and failed: stopping it, to start it anew`);
    // Nomad makes no new deployment for a job that did not change, so the failed one would stay its last word.
    this.#outcome = 'the failed version may be stopped';
    await this.#nomad.stopJob(id);
    const answer = await this.#register(await this.#nomad.readJob(id));
    // A failed allocation that waits to be rescheduled keeps its place, and the new version would wait with it.
    await this.#nomad.forceReschedule(id);
    return this.#follow(answer);
  }

  async #submit(current: NomadJobState | null): Promise<Release> {
    return this.#follow(await this.#register(current));
  }

  /** Finds out which version a submission made, and watches it. */
  async #follow(answer: RegisterAnswer): Promise<Release> {
    const { spec } = this.#prepared;
    if (answer.warnings !== '') this.#warn('nomad-warning', answer.warnings.replace(/\s*\n\s*/g, ' '));
    const state = (await this.#nomad.readVersions(spec.id)).find(
      ({ jobModifyIndex }) => jobModifyIndex === answer.jobModifyIndex,
    );
    if (state === undefined) throw jobChanged(spec.id, 'submitted, but another version came at once');
    const evaluation = answer.evalId === '' ? '' : `, evaluation ${answer.evalId}`;
    this.#step(`version ${state.version} of ${spec.id} is submitted${evaluation}`);
    await tagVersion(this.#nomad, { id: spec.id, version: state.version }, this.#options.provenance);
    const target = await this.#targetOf(state);
    const { evalId } = answer;
    if (state.special !== null) {
      return registered(state, { target, evalId, namespace: this.#namespace }, this.#context);
    }
    if (this.#options.detach) {
      this.#step(`nobody waits for it; to see what comes of it: ${watchCommand(spec.id, this.#namespace)}`);
      return toRelease('submitted', { target, evalId, namespace: this.#namespace }, null);
    }
    return this.#watch(target, evalId);
  }

  async #register(current: NomadJobState | null): Promise<RegisterAnswer> {
    const { spec } = this.#prepared;
    const jobModifyIndex = current?.jobModifyIndex ?? 0;
    this.#outcome = 'the job may have been submitted';
    try {
      const answer = await this.#nomad.registerJob({
        job: spec.job,
        jobModifyIndex,
        source: spec.source,
      });
      this.#outcome = 'the job is submitted, and Nomad goes on with it';
      return answer;
    } catch (cause) {
      this.#context.signal.throwIfAborted();
      // The refusal is an error of the server with a sentence; that the index moved on tells why, without reading it.
      const now = await this.#nomad.readJob(spec.id);
      if ((now?.jobModifyIndex ?? 0) === jobModifyIndex) throw cause;
      throw jobChanged(spec.id, 'somebody else changed it meanwhile');
    }
  }

  async #watch(target: Target, evalId: string): Promise<Release> {
    return followVersion(this.#nomad, { target, evalId }, this.#options, this.#context);
  }

  async #targetOf(state: NomadJobState): Promise<Target> {
    const { spec } = this.#prepared;
    const { queue } = this.#options;
    return readTarget(this.#nomad, spec.id, state, { queue });
  }

  /** A version that came up once may have lost allocations since; Nomad replaces them, which is no new deploy. */
  #warnOfMissing(target: Target, snapshot: Snapshot): void {
    if (endsByItself(target)) return;
    const running = snapshot.allocations.filter(
      (allocation) => belongsTo(target, allocation) && allocation.clientStatus === 'running',
    );
    if (running.length >= target.count) return;
    this.#warn(
      'allocations-missing',
      `${running.length} of ${target.count} allocations of ${target.jobId} run`,
    );
  }

  #step(message: string): void {
    this.#context.reporter.report({ kind: 'step', stage: 'deploy', message });
  }

  #warn(code: WarningCode, message: string): void {
    this.#context.reporter.report({ kind: 'warning', stage: 'deploy', code, message });
  }
}

function goesOn(verdict: Verdict): boolean {
  return ['running', 'failing', 'waits-for-promotion', 'not-placed'].includes(verdict.kind);
}

function isMultiregion(job: object): boolean {
  return 'Multiregion' in job && job.Multiregion !== null;
}

function failedBefore(jobId: string, version: number, running: number): SaddlebagError {
  return new SaddlebagError(
    'deploy-failed-before',
    `cannot deploy ${jobId}: version ${version} is the same and failed before; what still runs of the job (${running}) would be stopped to start it anew`,
    { hint: 'pass --force to do that, or deploy another version', exitCode: exitCodes.notReverted },
  );
}

function jobChanged(jobId: string, reason: string): SaddlebagError {
  return new SaddlebagError('job-changed', `cannot submit job ${jobId}: ${reason}`, {
    hint: 'look at what it is now, then run the same command again',
    exitCode: exitCodes.jobChanged,
  });
}
