import type { DeployArtifact } from './artifact.ts';
import { checkDownloadUrl } from './download-check.ts';
import type { JobSpec } from './job-model.ts';
import type { JobSettings } from './job-settings.ts';
import { renderJobSpec } from './jobspec.ts';
import type { Nomad } from './nomad.ts';
import type { NomadJobState } from './nomad-answers.ts';
import type { PlanAnswer } from './plan-answer.ts';
import { checkS3Variable, variableOf } from './s3-variable.ts';

/** A job that the server has seen and found valid, and what would come of it. */
export interface PreparedRelease {
  readonly spec: JobSpec;
  /** Null when there is no such job yet. */
  readonly current: NomadJobState | null;
  readonly plan: PlanAnswer;
}

/**
 * Renders the job for the cluster as it is (the count that runs is kept unless one is given), has the server check it and
 * plans it. Changes nothing.
 * @throws {SaddlebagError} `namespace-unknown`, `region-unknown`, `download-url-loopback`, `s3-variable-missing`, `job-invalid`; what the API
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
  const s3Variable = variableOf(artifact, settings);
  if (s3Variable !== null) await checkS3Variable(nomad, s3Variable);
  const current = await nomad.readJob(settings.id);
  const running = new Map(current?.groups.map(({ name, count }) => [name, count]));
  const spec = renderJobSpec(artifact, settings, running);
  await nomad.validateJob(spec.job);
  return { spec, current, plan: await nomad.planJob(spec.job) };
}
