import type { Nomad } from '../../deploy/nomad/nomad.ts';
import { jobUnknown } from '../../deploy/nomad/nomad-operations.ts';
import { attach } from '../../deploy/release/attach.ts';
import { readSnapshot } from '../../deploy/release/snapshot.ts';
import { hasUnpromotedCanaries, newestDeployment } from '../../deploy/release/verdict.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { followOptions, lookOn, reportPage, type WatchFlags, withNomad } from './nomad-session.ts';
import { releaseResult } from './release-result.ts';
import type { CommandResult } from './result.ts';

/**
 * Runs `saddlebag promote`: promotes a job's canaries as soon as all are healthy, and watches the rest of the deployment
 * to its end; prints the evaluation's id, or with `--json` the Release.
 * @throws {SaddlebagError} `job-unknown`, `promotion-not-due`, `timeout-invalid`, `interrupted`; what `attach` and
 * `readConnection` throw
 */
export async function runPromote(
  input: { readonly job: string; readonly flags: WatchFlags },
  context: Context,
): Promise<CommandResult> {
  const { job, flags } = input;
  const options = followOptions({ ...flags, promote: true }, 'promote', null);
  const release = await withNomad(flags, context, async (nomad) => {
    reportPage(nomad, job, context);
    await refuseWithoutCanaries(nomad, job, context);
    return lookOn(nomad, job, context, () => attach(nomad, job, options, context));
  });
  return releaseResult(release);
}

async function refuseWithoutCanaries(nomad: Nomad, job: string, { signal }: Context): Promise<void> {
  const snapshot = await readSnapshot(nomad, job, signal);
  if (snapshot.job === null) throw jobUnknown('promote', job, nomad.connection.namespace ?? 'default');
  const { version } = snapshot.job;
  const deployment = newestDeployment(snapshot, version);
  if (deployment !== null && deployment.status === 'running' && hasUnpromotedCanaries(deployment)) return;
  const state = deployment === null ? 'has no deployment' : `has a deployment that is ${deployment.status}`;
  throw new SaddlebagError(
    'promotion-not-due',
    `cannot promote ${job}: version ${version} ${state} and no canaries to promote`,
    { hint: `see saddlebag status ${job}`, exitCode: exitCodes.usage },
  );
}
