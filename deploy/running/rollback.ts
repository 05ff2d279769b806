import type { Context } from '../../src/core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../../src/core/errors.ts';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { jobUnknown } from '../nomad/nomad-operations.ts';
import { type FollowOptions, followVersion, readTarget, toRelease } from '../release/follow.ts';
import { watchCommand } from '../release/outcome.ts';
import type { Release } from '../release/release-model.ts';
import { tagVersion } from '../release/version-tag.ts';
import { artifactsOf, type Provenance } from './job-history.ts';

/** How a job is brought back. */
export interface RollbackOptions extends FollowOptions {
  readonly detach: boolean;
  readonly provenance: Provenance;
  /** Tells whether an artifact's object is there; null where that cannot be told. */
  objectExists(url: string): Promise<boolean | null>;
}

const nothingDone = 'nothing was changed';

/**
 * Makes a version of a job the current one again and watches it as a deploy is watched. Without `to`, the newest stable
 * version that differs from the current one in more than its counts.
 * @throws {SaddlebagError} `job-unknown`, `version-unknown`, `version-gone`, `interrupted`; what `watchRelease` and the API
 * throw
 */
export async function rollBack(
  nomad: Nomad,
  job: { readonly id: string; readonly to: number | null },
  options: RollbackOptions,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<Release> {
  const { id } = job;
  const namespace = nomad.connection.namespace ?? 'default';
  let outcome = nothingDone;
  try {
    const { from, to } = await chooseVersions(nomad, job, options);
    outcome = 'the job may have been rolled back';
    const evalId = await nomad.revertJob(id, { to: to.version, from: from.version });
    outcome = 'the job is rolled back, and Nomad goes on with it';
    const state = await nomad.readJob(id);
    if (state === null) throw jobUnknown('roll back', id, namespace);
    const message = `version ${state.version} of ${id} is version ${to.version} again, evaluation ${evalId}`;
    context.reporter.report({ kind: 'step', stage: 'deploy', message });
    await tagVersion(nomad, { id, version: state.version }, options.provenance);
    const target = await readTarget(nomad, id, state, options);
    if (options.detach) return toRelease('submitted', { target, evalId, namespace }, null);
    return await followVersion(nomad, { target, evalId }, options, context);
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    const hint =
      outcome === nothingDone
        ? 'run the same command again'
        : `go on watching with ${watchCommand(id, namespace)}`;
    throw interrupted(`rolling back ${id}`, outcome, hint);
  }
}

/** Returns the current version of a job and the one to go back to. */
async function chooseVersions(
  nomad: Nomad,
  { id, to: wanted }: { readonly id: string; readonly to: number | null },
  options: RollbackOptions,
): Promise<{ readonly from: NomadJobState; readonly to: NomadJobState }> {
  const versions = await nomad.readVersions(id);
  const from = versions.reduce<NomadJobState | null>(
    (best, one) => (best === null || one.version > best.version ? one : best),
    null,
  );
  if (from === null) throw jobUnknown('roll back', id, nomad.connection.namespace ?? 'default');
  const to = wanted === null ? findBefore(versions, from, id) : findVersion(versions, wanted, id);
  if (to.version === from.version) throw versionUnknown(id, `version ${to.version} is the current one`);
  await refuseGone(id, to, options);
  return { from, to };
}

/** What runs now would be stopped for what no client can fetch. */
async function refuseGone(
  id: string,
  to: NomadJobState,
  { objectExists }: Pick<RollbackOptions, 'objectExists'>,
): Promise<void> {
  for (const { url } of artifactsOf(to)) {
    if ((await objectExists(url)) !== false) continue;
    throw new SaddlebagError(
      'version-gone',
      `cannot roll back ${id}: what version ${to.version} ran is gone: ${url}`,
      {
        hint: `publish it again, or choose another version: saddlebag history ${id}; nothing was changed`,
      },
    );
  }
}

function findBefore(versions: readonly NomadJobState[], current: NomadJobState, id: string): NomadJobState {
  // A revert makes a new version with the old content: going back must not end where it began.
  const [before] = versions
    .filter((one) => one.isStable && one.version < current.version)
    .filter(({ definition }) => definition !== current.definition)
    .toSorted((a, b) => b.version - a.version);
  if (before !== undefined) return before;
  throw versionUnknown(
    id,
    `no version before ${current.version} was healthy and differs in more than counts`,
  );
}

function findVersion(versions: readonly NomadJobState[], version: number, id: string): NomadJobState {
  const found = versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  const known = versions.map((one) => one.version).sort((a, b) => a - b);
  throw versionUnknown(id, `Nomad has no version ${version} of it, but ${known.join(', ')}`);
}

function versionUnknown(id: string, reason: string): SaddlebagError {
  return new SaddlebagError('version-unknown', `cannot roll back ${id}: ${reason}`, {
    hint: `saddlebag history ${id} shows the versions`,
    exitCode: exitCodes.usage,
  });
}
