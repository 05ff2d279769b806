import type { Context } from '../../core/context.ts';
import type { Artifact, Bundle } from '../../core/types.ts';
import { downloadLocation } from '../download.ts';
import { artifactKey } from '../key.ts';
import type { Store } from '../store.ts';
import { readReleases } from './store.ts';

/** A bundle that was just made, where it would be published, and what is wanted of what is there. */
export interface KeptRequest {
  readonly bundle: Pick<Bundle, 'name' | 'arch' | 'closureSha256'>;
  readonly store: Store;
  readonly prefix: string;
  readonly downloadBase?: string | undefined;
  /** Tells the checksums of what the job runs; asked where several releases would do. */
  readonly running: () => Promise<readonly string[]>;
}

/**
 * Finds a release of the same closure for the same processor: what runs would not change, whatever Saddlebag made the
 * bundle. Of several the one that runs, else the newest. Undefined where there is none, or its object is gone.
 * @throws {SaddlebagError} `releases-invalid`, and what the store throws
 */
export async function findSameClosure(
  { bundle, store, prefix, downloadBase, running }: KeptRequest,
  { signal }: Pick<Context, 'signal'>,
): Promise<Artifact | undefined> {
  const { releases } = await readReleases({ store, prefix, name: bundle.name }, { signal });
  const same = releases
    .map(({ artifact }) => artifact)
    .filter(({ arch, closureSha256 }) => arch === bundle.arch && closureSha256 === bundle.closureSha256);
  const checksums = same.length > 1 ? await running() : [];
  const kept = same.find(({ checksum }) => checksums.includes(checksum)) ?? same[0];
  if (kept === undefined) return undefined;
  const sha256 = kept.checksum.replace(/^sha256:/, '');
  const key = artifactKey({ prefix, name: bundle.name, sha256, fileName: kept.fileName });
  if ((await store.head(key, signal)) === undefined) return undefined;
  // By the address that holds now, which need not be the one of its day.
  return { ...kept, ...downloadLocation(downloadBase ?? store.downloadBase, key, sha256) };
}
