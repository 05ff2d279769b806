import type { WarningCode } from '../src/core/codes.ts';
import type { Context } from '../src/core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../src/core/errors.ts';
import type { DeployArtifact } from './artifact.ts';
import { checkDownloadUrl } from './download-check.ts';
import { renderHcl } from './job-hcl.ts';
import type { JobSpec } from './job-model.ts';
import type { JobSettings } from './job-settings.ts';
import { renderJobSpec } from './jobspec.ts';
import type { Nomad, RegisterAnswer } from './nomad.ts';
import type { NomadAllocation, NomadJobState } from './nomad-answers.ts';
import { notPlaced, statusCommand } from './outcome.ts';
import type { PlanAnswer } from './plan-answer.ts';
import type { Release } from './release-model.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import { judge, newestDeployment, type Target, type Verdict } from './verdict.ts';
import { watchRelease } from './watch.ts';

/** A job that the server has seen and found valid, and what would come of it. */
export interface PreparedRelease {
  readonly spec: JobSpec;
  /** Null when there is no such job yet. */
  readonly current: NomadJobState | null;
  readonly plan: PlanAnswer;
}

/** How a job is submitted and watched. */
export interface ReleaseOptions {
  /** Return as soon as the job is submitted. */
  readonly detach: boolean;
  readonly failFast: boolean;
  /** Submit although no node has room, and wait for some. */
  readonly queue: boolean;
  readonly timeoutMs: number;
}

/**
 * Renders the job for the cluster as it is (the count that runs is kept unless one is given), has the server check it and
 * plans it. Changes nothing.
 * @throws {SaddlebagError} `namespace-unknown`, `region-unknown`, `download-url-loopback`, `job-invalid`; what the API
 * throws
 */
export async function prepareRelease(
  nomad: Nomad,
  artifact: DeployArtifact,
  settings: JobSettings,
): Promise<PreparedRelease> {
  const { namespace, region } = nomad.connection;
  if (region !== null) await nomad.checkRegion(region);
  if (namespace !== null && namespace !== 'default') await nomad.checkNamespace(namespace);
  await checkDownloadUrl(nomad, artifact.source);
  const current = await nomad.readJob(settings.id);
  const runningCount = current?.groups.find(({ name }) => name === settings.group)?.count;
  const spec = renderJobSpec(artifact, settings, runningCount);
  await nomad.validateJob(spec.job);
  return { spec, current, plan: await nomad.planJob(spec.job) };
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

class Releaser {
  readonly #nomad: Nomad;
  readonly #prepared: PreparedRelease;
  readonly #options: ReleaseOptions;
  readonly #context: Pick<Context, 'reporter' | 'signal'>;
  readonly #namespace: string;
  /** For who interrupts: what has been done to the cluster so far. */
  #outcome = 'nothing was submitted';

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
      const hint = `run the same command again to go on, or see ${statusCommand(id, this.#namespace)}`;
      throw interrupted(`deploying ${id}`, this.#outcome, hint);
    }
  }

  async #release(): Promise<Release> {
    const { plan, spec, current } = this.#prepared;
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
    const snapshot = await readSnapshot(this.#nomad, id, signal);
    const verdict = judge(target, snapshot);
    if (verdict.kind === 'healthy') {
      this.#step(`version ${current.version} of ${id} is up and would not change: nothing to do`);
      this.#warnOfMissing(target, snapshot);
      return this.#toRelease('unchanged', target, evalIdOf(target, snapshot), snapshot);
    }
    if (goesOn(verdict)) {
      this.#outcome = `version ${current.version} was submitted before, and Nomad goes on with it`;
      this.#step(`version ${current.version} of ${id} is the same and not yet decided: watching it`);
      return this.#watch(target, evalIdOf(target, snapshot));
    }
    if (verdict.kind !== 'failed' && verdict.kind !== 'batch-failed') {
      throw jobChanged(id, 'somebody else changed it meanwhile');
    }
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
    const registered = (await this.#nomad.readVersions(spec.id)).find(
      ({ jobModifyIndex }) => jobModifyIndex === answer.jobModifyIndex,
    );
    if (registered === undefined) throw jobChanged(spec.id, 'submitted, but another version came at once');
    this.#step(`version ${registered.version} of ${spec.id} is submitted, evaluation ${answer.evalId}`);
    const target = await this.#targetOf(registered);
    if (this.#options.detach) return this.#toRelease('submitted', target, answer.evalId, null);
    return this.#watch(target, answer.evalId);
  }

  async #register(current: NomadJobState | null): Promise<RegisterAnswer> {
    const { spec } = this.#prepared;
    const jobModifyIndex = current?.jobModifyIndex ?? 0;
    this.#outcome = 'the job may have been submitted';
    try {
      const answer = await this.#nomad.registerJob({
        job: spec.job,
        jobModifyIndex,
        source: renderHcl(spec),
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
    const { failFast, timeoutMs } = this.#options;
    const options = { target, namespace: this.#namespace, timeoutMs, failFast };
    const { snapshot } = await watchRelease(this.#nomad, options, this.#context);
    return this.#toRelease('healthy', target, evalId, snapshot);
  }

  async #targetOf({ version, jobModifyIndex, groups }: NomadJobState): Promise<Target> {
    const { spec } = this.#prepared;
    const versions = await this.#nomad.readVersions(spec.id);
    const stable = versions.filter((one) => one.isStable && one.version < version);
    return {
      jobId: spec.id,
      type: spec.job.Type,
      jobVersion: version,
      jobModifyIndex,
      count: groups.reduce((total, { count }) => total + count, 0),
      revertsTo: stable.reduce<number | null>((best, one) => Math.max(best ?? 0, one.version), null),
      mayQueue: this.#options.queue,
    };
  }

  #toRelease(status: Release['status'], target: Target, evalId: string, snapshot: Snapshot | null): Release {
    const deployment = snapshot === null ? null : newestDeployment(snapshot, target.jobVersion);
    return {
      version: 1,
      jobId: target.jobId,
      namespace: this.#namespace,
      jobVersion: target.jobVersion,
      evalId,
      ...(deployment === null ? {} : { deploymentId: deployment.id }),
      status,
      allocations: (snapshot?.allocations ?? [])
        .filter((allocation) => belongsTo(target, allocation))
        .map(({ id, name, nodeName, clientStatus }) => ({ id, name, node: nodeName, status: clientStatus }))
        .toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id)),
    };
  }

  /** A version that came up once may have lost allocations since; Nomad replaces them, which is no new deploy. */
  #warnOfMissing(target: Target, snapshot: Snapshot): void {
    if (target.type === 'batch') return;
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

/** An allocation that runs on unchanged keeps the version that started it, so the version alone does not tell. */
function belongsTo(target: Target, { desiredStatus, jobVersion }: NomadAllocation): boolean {
  return desiredStatus === 'run' && (target.type === 'service' || jobVersion === target.jobVersion);
}

/** Finds the evaluation that started a version, by what is still kept of it. */
function evalIdOf(target: Target, { evaluations, allocations }: Snapshot): string {
  const own = evaluations.find(
    ({ jobModifyIndex, triggeredBy }) =>
      jobModifyIndex === target.jobModifyIndex && triggeredBy === 'job-register',
  );
  return own?.id ?? allocations.find((one) => belongsTo(target, one))?.evalId ?? '';
}

function jobChanged(jobId: string, reason: string): SaddlebagError {
  return new SaddlebagError('job-changed', `cannot submit job ${jobId}: ${reason}`, {
    hint: 'look at what it is now, then run the same command again',
    exitCode: exitCodes.jobChanged,
  });
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
