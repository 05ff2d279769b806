import type { Context } from '../../core/context.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import { type ArtifactText, readPublishedArtifact } from '../artifact-input.ts';
import { checkArtifactSignature } from '../artifact-signature.ts';
import type { DeployInput } from './deploy-flags.ts';

/**
 * Reads what tells of a published bundle: as the text of a release, of a file, of stdin, or the source itself.
 * Where a public key is given, only what is signed with it is returned.
 * @throws {SaddlebagError} `usage-invalid`; what `readPublishedArtifact` and `checkArtifactSignature` throw
 */
export async function readArtifact(input: DeployInput, context: Context): Promise<ArtifactText> {
  const { artifact, flags, readStdin } = input;
  if (artifact === undefined) {
    throw new SaddlebagError('usage-invalid', 'cannot deploy: no artifact was given', {
      hint: 'saddlebag deploy artifact.json; see saddlebag deploy --help',
      exitCode: exitCodes.usage,
    });
  }
  // Not its --region, which is Nomad's.
  const { arch, endpoint, from } = flags;
  const found = await readPublishedArtifact(
    { artifact, readStdin },
    { arch, endpoint, from, stage: 'deploy' },
    context,
  );
  await checkArtifactSignature(found, flags.publicKey, context);
  return found;
}
