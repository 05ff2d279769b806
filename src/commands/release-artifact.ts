import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import type { Artifact, PublishedRelease } from '../core/types.ts';
import { findReleases, parseReleaseReference } from '../publish/releases/model.ts';
import { readReleases } from '../publish/releases/store.ts';
import { openOrigin, type StoreFlags } from './stores.ts';

/** Where a release is looked up, and for which processor. */
export interface ReleaseLookup {
  readonly from: string | undefined;
  readonly flags: StoreFlags;
  /** As the user gave it; undefined takes the only one that there is. */
  readonly arch: string | undefined;
}

/**
 * Finds the artifact of `NAME`, `NAME@VERSION` or `NAME@sha256:HEX` in the releases of a store.
 * @throws {SaddlebagError} `release-reference-invalid`, `release-unknown`, `release-ambiguous`; what `openOrigin` and
 * `readReleases` throw
 */
export async function findArtifact(
  reference: string,
  { from, flags, arch }: ReleaseLookup,
  context: Pick<Context, 'cwd' | 'env' | 'signal'>,
): Promise<Artifact> {
  const wanted = parseReleaseReference(reference);
  const { store, prefix, place } = await openOrigin(from, flags, context);
  const list = await readReleases({ store, prefix, name: wanted.name }, context);
  const found = findReleases(list, wanted, place);
  return chooseArch(reference, found, arch).artifact;
}

function chooseArch(
  reference: string,
  found: readonly PublishedRelease[],
  arch: string | undefined,
): PublishedRelease {
  const [only] = arch === undefined ? found : found.filter(({ artifact }) => artifact.arch === arch);
  if (only !== undefined && (arch !== undefined || found.length === 1)) return only;
  const archs = found.map(({ artifact }) => artifact.arch).sort();
  throw new SaddlebagError(
    'release-ambiguous',
    `cannot choose ${reference}: it is there for ${archs.join(' and ')}${arch === undefined ? '' : `, not for ${arch}`}`,
    { hint: `pass --arch ${archs.join(' or --arch ')}`, exitCode: exitCodes.usage },
  );
}
