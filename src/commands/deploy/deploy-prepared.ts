import { styleText } from 'node:util';
import type { ArtifactSource } from '../../../deploy/artifact/artifact-source.ts';
import { plainDownloads } from '../../../deploy/artifact/plain-download.ts';
import { reportWarnings } from '../../../deploy/job/job-check.ts';
import type { Nomad } from '../../../deploy/nomad/nomad.ts';
import { readAddresses } from '../../../deploy/release/addresses.ts';
import { changesJob, checkOnlyArtifact } from '../../../deploy/release/plan-check.ts';
import { hideSecrets } from '../../../deploy/release/plan-secrets.ts';
import { type Paint, renderPlan, renderUpdates } from '../../../deploy/release/plan-text.ts';
import type { PreparedRelease } from '../../../deploy/release/prepare.ts';
import { release } from '../../../deploy/release/release.ts';
import type { Release } from '../../../deploy/release/release-model.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes } from '../../core/errors.ts';
import { type Confirm, followOptions, provenanceOf } from '../nomad-session.ts';
import { releaseResult, summarizePlan } from '../release-result.ts';
import type { CommandResult } from '../result.ts';
import { checkDownloads } from './check-downloads.ts';
import type { DeployOptions } from './deploy-flags.ts';

/** What to do with a planned job, and whom to ask. */
export interface PreparedOptions {
  readonly options: DeployOptions;
  /** Asks a person at the terminal; null where nobody is there. */
  readonly confirm: Confirm;
}

/** A planned job, and what is deployed with it. */
export interface PreparedDeploy {
  readonly prepared: PreparedRelease;
  readonly sources: readonly ArtifactSource[];
}

/**
 * Shows what a planned job would change, and deploys it as `options` say, unless what it would fetch is not there; with
 * `--plan` only shows it.
 * @throws {SaddlebagError} `plan-too-wide`; what `checkDownloads` and `release` throw
 */
export async function deployPrepared(
  nomad: Nomad,
  { prepared, sources }: PreparedDeploy,
  { options, confirm }: PreparedOptions,
  context: Context,
): Promise<CommandResult> {
  const { current, spec, plan } = prepared;
  reportWarnings(prepared.findings, context);
  if (options.onlyArtifact === true) checkOnlyArtifact(spec.id, plan);
  if (options.plan === true) return planned(prepared, options);
  if (changesJob(plan)) reportPlan(prepared, context);
  // Of what runs and would not change nothing is fetched.
  if (changesJob(plan) || current === null || current.isStopped || options.force === true) {
    await checkDownloads(spec.id, plainDownloads(spec.job, sources), context);
  }
  const released = await release(
    nomad,
    prepared,
    {
      ...followOptions(options, 'deploy', confirm),
      detach: options.detach ?? false,
      force: options.force ?? false,
      provenance: await provenanceOf(context),
    },
    context,
  );
  await tellAddresses(nomad, { job: spec.job, released }, context);
  return releaseResult(released);
}

/** Says where what was deployed answers: what its user wants to open next. */
async function tellAddresses(
  nomad: Nomad,
  { job, released }: { readonly job: unknown; readonly released: Release },
  { reporter }: Context,
): Promise<void> {
  for (const { name, addresses } of await readAddresses(nomad, job, released)) {
    const more = addresses.length - 3;
    const shown = addresses.slice(0, 3).join(', ') + (more > 0 ? ` and ${more} more` : '');
    reporter.report({ kind: 'step', stage: 'deploy', message: `${name} answers at ${shown}` });
  }
}

/** Of a job that is there, line by line; of a new one, which is all new, what happens. */
function reportPlan({ spec, current, plan }: PreparedRelease, { reporter }: Context): void {
  for (const message of renderUpdates(plan)) reporter.report({ kind: 'step', stage: 'plan', message });
  if (current === null) return;
  for (const message of renderPlan(spec.id, { ...plan, updates: [], failures: [], warnings: '' }).split(
    '\n',
  )) {
    reporter.report({ kind: 'detail', stage: 'plan', message });
  }
}

function planned({ plan, spec }: PreparedRelease, { exitCode }: DeployOptions): CommandResult {
  const changes = changesJob(plan);
  const text = renderPlan(spec.id, plan);
  return {
    text,
    summary: summarizePlan(spec.id, { changes, text }),
    coloredText: renderPlan(spec.id, plan, paint),
    json: { version: 1, jobId: spec.id, changes, ...plan, diff: hideSecrets(plan.diff) },
    exitCode: exitCode === true && changes ? exitCodes.planChanges : exitCodes.done,
  };
}

const styles = { added: 'green', deleted: 'red', edited: 'yellow', note: 'dim' } as const;
const paint: Paint = (style, text) => styleText(styles[style], text, { validateStream: false });
