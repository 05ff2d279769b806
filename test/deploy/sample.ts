import { type DeployArtifact, parseArtifact } from '../../deploy/artifact/artifact.ts';
import { flagOfSetting, type JobFlags, treeOfFlags } from '../../deploy/job/job-flags.ts';
import type { JobSpec } from '../../deploy/job/job-model.ts';
import type { JobSettings } from '../../deploy/job/job-settings.ts';
import { renderJobSpec } from '../../deploy/job/jobspec.ts';
import { parseJobSettings } from '../../deploy/job/parse-job-settings.ts';
import { artifactIn } from '../helpers/artifact.ts';

/** A digest for artifacts that nobody downloads. */
export const sampleSha256 = 'ab'.repeat(32);

const published = artifactIn('https://apps.example/web', {
  appVersion: '1.2',
  arch: 'x86_64',
  sha256: sampleSha256,
  closureSha256: 'cd'.repeat(32),
  sizeBytes: 1234,
});

/** Where the sample artifact lies, and its checksum, as Nomad takes it. */
export const { url: sampleUrl, checksum: sampleChecksum } = published;

/** Makes what `publish --json` prints, with some keys replaced (or, given undefined, left out). */
export function sampleArtifactJson(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...published, ...changes });
}

/** Makes the artifact that a job is rendered from. */
export function sampleArtifact(changes: Readonly<Record<string, unknown>> = {}): DeployArtifact {
  return parseArtifact(sampleArtifactJson(changes));
}

/** Checks settings that come from flags. */
export function parseFlags(flags: JobFlags, artifact = sampleArtifact()): JobSettings {
  return parseJobSettings({ tree: treeOfFlags(flags), nameOf: flagOfSetting }, artifact);
}

/** Renders the job of the sample artifact. */
export function sampleJobSpec(flags: JobFlags = {}, artifact = sampleArtifact()): JobSpec {
  return renderJobSpec(artifact, parseFlags(flags, artifact));
}
