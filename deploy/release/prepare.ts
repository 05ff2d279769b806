import type { DeployArtifact } from '../artifact/artifact.ts';
import { checkDownloadUrl } from '../artifact/download-check.ts';
import { checkS3Variable, variableOf } from '../artifact/s3-variable.ts';
import { dependsOnClients } from '../job/job-check/artifacts.ts';
import type { Finding } from '../job/job-check/finding.ts';
import { checkJob, refuseUnfit } from '../job/job-check.ts';
import { renderHcl } from '../job/job-hcl.ts';
import type { JobSettings } from '../job/job-settings.ts';
import { renderJobSpec } from '../job/jobspec.ts';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { PlanAnswer } from '../nomad/plan-answer.ts';
import type { Submission } from './submission.ts';

/** A job that the server has seen and found valid, and what would come of it. */
export interface PreparedRelease {
  readonly spec: Submission;
  /** Null when there is no such job yet. */
  readonly current: NomadJobState | null;
  readonly plan: PlanAnswer;
  /** What the server does not say of the job; no errors are left among them. */
  readonly findings: readonly Finding[];
}

/**
 * Renders the job for the cluster as it is (the count that runs is kept unless one is given), has the server check it and
 * plans it. Changes nothing.
 * @throws {SaddlebagError} `namespace-unknown`, `region-unknown`, `download-url-loopback`, `s3-variable-missing`;
 * what `planSubmission` and the API throw
 */
export async function prepareRelease(
  nomad: Nomad,
  artifact: DeployArtifact,
  settings: JobSettings,
): Promise<PreparedRelease> {
  await checkPlace(nomad);
  await checkDownloadUrl(nomad, artifact.source);
  const s3Variable = variableOf(artifact, settings);
  if (s3Variable !== null) await checkS3Variable(nomad, s3Variable);
  const current = await nomad.readJob(settings.id);
  const running = new Map(current?.groups.map(({ name, count }) => [name, count]));
  const spec = renderJobSpec(artifact, settings, running);
  const source = { text: renderHcl(spec), format: 'hcl2' as const, variables: '' };
  return planSubmission(nomad, { id: spec.id, job: spec.job, source }, current);
}

/**
 * Checks a job, here for what only clients find out and then by the server, and plans it; `current` is what the server
 * has of it. Changes nothing.
 * @throws {SaddlebagError} `job-unfit`, `job-invalid`; what the API throws
 */
export async function planSubmission(
  nomad: Nomad,
  spec: Submission,
  current: NomadJobState | null,
): Promise<PreparedRelease> {
  const findings = checkJob(spec.job, {
    serverVersion: await nomad.readVersion(),
    clientVersions: dependsOnClients(spec.job) ? await nomad.readClientVersions() : [],
    nowMs: Date.now(),
  });
  refuseUnfit(spec.id, findings);
  await nomad.validateJob(spec.job);
  return { spec, current, plan: await nomad.planJob(spec.job), findings };
}

/** @throws {SaddlebagError} `namespace-unknown`, `region-unknown` */
export async function checkPlace(nomad: Nomad): Promise<void> {
  const { namespace, region } = nomad.connection;
  if (region !== null) await nomad.checkRegion(region);
  if (namespace !== null && namespace !== 'default') await nomad.checkNamespace(namespace);
}
