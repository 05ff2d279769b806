import { SaddlebagError } from '../../src/core/errors.ts';
import type { JobSettings } from '../job/job-settings.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { DeployArtifact } from './artifact.ts';

/** Returns the variable that a job takes S3 credentials from; null where its source needs none of the job. */
export function variableOf(
  { source }: DeployArtifact,
  { s3Variable }: Pick<JobSettings, 's3Variable'>,
): string | null {
  return isS3Source(source) ? s3Variable : null;
}

/** Tells whether a source is fetched by the S3 protocol, for which a client needs credentials. */
export function isS3Source({ url }: DeployArtifact['source']): boolean {
  return url.startsWith('s3::');
}

/**
 * Writes the command that stores S3 credentials for a job's artifact in a Nomad variable. They come from the shell's own
 * variables, the secret by a pipe: none of it stands in this text, in a list of processes or in a job.
 */
export function storeVariableCommand(path: string, namespace: string | null): string {
  const where = namespace === null || namespace === 'default' ? '' : `-namespace ${namespace} `;
  return (
    `printf %s "$AWS_SECRET_ACCESS_KEY" | nomad var put ${where}${path} ` +
    'aws_access_key_id="$AWS_ACCESS_KEY_ID" aws_secret_access_key=-'
  );
}

/**
 * Refuses a job whose artifact takes its credentials from a variable that is not there: every download would fail.
 * @throws {SaddlebagError} `s3-variable-missing`; what the API throws, but for a token that may not list variables
 */
export async function checkS3Variable(nomad: Nomad, path: string): Promise<void> {
  try {
    if (await nomad.hasVariable(path)) return;
  } catch (cause) {
    // A token that may submit jobs need not see variables: the job has an identity of its own.
    if (cause instanceof SaddlebagError && cause.code === 'nomad-forbidden') return;
    throw cause;
  }
  throw new SaddlebagError(
    's3-variable-missing',
    `cannot take S3 credentials from the Nomad variable ${path}: there is none of that path`,
    { hint: `store them: ${storeVariableCommand(path, nomad.connection.namespace)}` },
  );
}
