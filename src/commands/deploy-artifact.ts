import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';
import type { DeployFlags, DeployInput } from './deploy.ts';

/**
 * Reads what tells of a published bundle: as the text of a release, of a file, of stdin, or the source itself.
 * @throws {SaddlebagError} `artifact-unreadable`, `usage-invalid`; what `findArtifact` throws
 */
export async function readArtifact(
  input: DeployInput,
  context: Context,
): Promise<{ readonly text: string; readonly from?: string }> {
  const { artifact, flags } = input;
  if (artifact === undefined) {
    throw new SaddlebagError('usage-invalid', 'cannot deploy: no artifact was given', {
      hint: 'saddlebag deploy artifact.json; see saddlebag deploy --help',
      exitCode: exitCodes.usage,
    });
  }
  if (artifact === '-') return { text: await input.readStdin(), from: 'the artifact on stdin' };
  // A URL, or one behind a forced getter: s3::https://…
  if (/^[a-z][a-z0-9+.-]*:(?::|\/\/)/i.test(artifact)) return { text: artifact };
  if (flags.from !== undefined) return readRelease(artifact, flags, context);
  const file = resolve(context.cwd, artifact);
  try {
    return { text: await readFile(file, 'utf8'), from: file };
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && (context.env.SADDLEBAG_STORE ?? '') !== '') return readRelease(artifact, flags, context);
    throw new SaddlebagError('artifact-unreadable', `cannot read ${file}: ${describeCause(cause)}`, {
      hint: 'give a file that `saddlebag publish --json` wrote, an artifact source (URL?…&checksum=sha256:…), -, or a release and --from',
      cause,
      exitCode: exitCodes.usage,
    });
  }
}

/** Finds a release and returns its artifact as `publish --json` printed it. */
async function readRelease(
  reference: string,
  { from, endpoint, arch }: DeployFlags,
  context: Context,
): Promise<{ readonly text: string; readonly from: string }> {
  // Only now: the S3 client takes long to load, and most deploys need none.
  const { findArtifact } = await import('./release-artifact.ts');
  const artifact = await findArtifact(reference, { from, flags: { endpoint }, arch }, context);
  const { appVersion, checksum } = artifact;
  const message = `${reference} is version ${appVersion || '(none)'}, ${checksum}`;
  context.reporter.report({ kind: 'step', stage: 'deploy', message });
  return { text: JSON.stringify(artifact), from: `the release ${reference}` };
}
