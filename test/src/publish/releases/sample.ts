import { sha256Hex } from '../../../../src/core/digest.ts';
import type { Arch, PublishedRelease } from '../../../../src/core/types.ts';
import { artifactIn } from '../../../helpers/artifact.ts';

/** Makes a release whose digest follows from its version, its processor and `salt`. */
export function sampleRelease(
  appVersion: string,
  options: {
    readonly arch?: Arch;
    readonly salt?: string;
    readonly publishedAt?: string;
    readonly name?: string;
  } = {},
): PublishedRelease {
  const { arch = 'x86_64', name = 'web', salt = '', publishedAt = '2026-04-01T12:00:00.000Z' } = options;
  const sha256 = sha256Hex(`${appVersion} ${arch} ${salt}`);
  const closureSha256 = sha256Hex(`closure ${sha256}`);
  const artifact = artifactIn(`https://store.example/apps/${name}/${sha256}`, {
    ...{ name, appVersion, arch, sha256, closureSha256 },
    sizeBytes: 1000,
  });
  return { artifact, publishedAt, publishedBy: 'ci', revision: null, labels: {} };
}
