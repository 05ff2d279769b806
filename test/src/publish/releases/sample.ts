import { sha256Hex } from '../../../../src/core/digest.ts';
import type { Arch, Artifact, PublishedRelease } from '../../../../src/core/types.ts';

/** Makes a release whose digest follows from its version, its processor and `salt`. */
export function sampleRelease(
  appVersion: string,
  options: { readonly arch?: Arch; readonly salt?: string; readonly publishedAt?: string } = {},
): PublishedRelease {
  const { arch = 'x86_64', salt = '', publishedAt = '2026-04-01T12:00:00.000Z' } = options;
  const sha256 = sha256Hex(`${appVersion} ${arch} ${salt}`);
  const fileName = `web-${appVersion}-${arch}`;
  const url = `https://store.example/apps/web/${sha256}/${fileName}`;
  const artifact: Artifact = {
    version: 1,
    name: 'web',
    appVersion,
    arch,
    interpreter: null,
    init: false,
    imageSettings: null,
    url,
    source: `${url}?archive=false&checksum=sha256:${sha256}`,
    fileName,
    sizeBytes: 1000,
    checksum: `sha256:${sha256}`,
    closureSha256: sha256Hex(`closure ${sha256}`),
  };
  return { artifact, publishedAt, publishedBy: 'ci', revision: null, labels: {} };
}
