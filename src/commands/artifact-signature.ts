import { posix } from 'node:path';
import { type DeployArtifact, parseArtifact } from '../../deploy/artifact/artifact.ts';
import type { Context } from '../core/context.ts';
import { type ArtifactText, readFacts } from './artifact-input.ts';
import { readPublicKey } from './publish/signing.ts';

/**
 * Refuses an artifact that is not signed by the owner of the key that `flag` or SADDLEBAG_PUBLIC_KEY names; where neither
 * is set, nothing is checked. The signature is that of the artifact's JSON, or read from beside the file.
 * @throws {SaddlebagError} `public-key-invalid`; what `parseArtifact`, `openSource` and `checkSignature` throw
 */
export async function checkArtifactSignature(
  { text, from }: ArtifactText,
  flag: string | undefined,
  context: Context,
): Promise<void> {
  const publicKey = await readPublicKey(flag, context);
  if (publicKey === undefined) return;
  const artifact: DeployArtifact = parseArtifact(text, from);
  // Only now: the S3 client takes long to load, and most deploys need none.
  const { openSource } = await import('./artifact-source.ts');
  const { checkSignature } = await import('../publish/provenance/check-signature.ts');
  const place = await openSource(artifact.source, {}, context);
  const sha256 = artifact.source.checksum.slice('sha256:'.length);
  const { fileName = posix.basename(place.key), signature } = readFacts(text);
  await checkSignature({ ...place, sha256, fileName, publicKey, signature }, context);
  const message = `${place.store.describe(place.key)} is signed with the key that is asked for`;
  context.reporter.report({ kind: 'step', stage: 'deploy', message });
}
