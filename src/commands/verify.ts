import { posix } from 'node:path';
import { parseArtifact } from '../../deploy/artifact/artifact.ts';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';
import { checkSignature } from '../publish/provenance/check-signature.ts';
import { verifyObject } from '../publish/verify.ts';
import { readFacts, readPublishedArtifact } from './artifact-input.ts';
import { openSource } from './artifact-source.ts';
import { readPublicKey } from './publish/signing.ts';
import type { CommandResult } from './result.ts';
import type { StoreFlags } from './stores.ts';

/** The flags of `saddlebag verify`. */
export interface VerifyFlags extends StoreFlags {
  /** Where the releases of NAME[@VERSION] are; SADDLEBAG_STORE otherwise. */
  readonly from?: string | undefined;
  readonly arch?: string | undefined;
  /** What it must be signed with; SADDLEBAG_PUBLIC_KEY otherwise. */
  readonly publicKey?: string | undefined;
}

/**
 * Runs `saddlebag verify`: reads what was published back from where clients fetch it and checks every byte; prints what
 * it is, or with `--json` what was checked.
 * @throws {SaddlebagError} what `readPublishedArtifact`, `parseArtifact`, `openStore` and `verifyObject` throw
 */
export async function runVerify(
  input: {
    readonly artifact: string;
    readonly flags: VerifyFlags;
    readonly readStdin: (signal: AbortSignal) => Promise<string>;
  },
  context: Context,
): Promise<CommandResult> {
  const { text, from } = await readPublishedArtifact(input, { ...input.flags, stage: 'verify' }, context);
  const { source } = parseArtifact(text, from);
  const place = await openSource(source, input.flags, context);
  const sha256 = source.checksum.slice('sha256:'.length);
  const { fileName = posix.basename(place.key), sizeBytes } = readFacts(text);
  const options = { ...place, sha256, sizeBytes };
  const publicKey = await readPublicKey(input.flags.publicKey, context);
  const verified = await verifyObject(options, context);
  if (publicKey !== undefined) {
    await checkSignature({ ...options, fileName, signature: undefined, publicKey }, context);
  }
  const url = place.store.describe(place.key);
  const facts = [
    formatBytes(verified.sizeBytes),
    source.checksum,
    ...(verified.hasDigestFile ? [] : ['no readable .sha256 beside it']),
    ...(publicKey === undefined ? [] : ['signed by the key that was given']),
  ];
  return {
    text: `${url}: ${facts.join(', ')}`,
    json: { version: 1, url, checksum: source.checksum, ...verified, isSigned: publicKey !== undefined },
    exitCode: exitCodes.done,
  };
}
