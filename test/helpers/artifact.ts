import type { Arch, Artifact } from '../../src/core/types.ts';

/**
 * Makes what `publish` says of version `appVersion` of an app that is called web, unless told otherwise, and lies in
 * the directory at `base`.
 */
export function artifactIn(
  base: string,
  release: {
    readonly appVersion: string;
    readonly arch: Arch;
    readonly sha256: string;
    readonly closureSha256: string;
    readonly sizeBytes: number;
    readonly name?: string;
  },
): Artifact {
  const { appVersion, arch, sha256, closureSha256, sizeBytes, name = 'web' } = release;
  const fileName = `${name}-${appVersion}-${arch}`;
  const url = `${base}/${fileName}`;
  const checksum = `sha256:${sha256}`;
  return {
    version: 1,
    name,
    appVersion,
    arch,
    interpreter: null,
    init: false,
    imageSettings: null,
    url,
    source: `${url}?archive=false&checksum=${checksum}`,
    fileName,
    sizeBytes,
    checksum,
    closureSha256,
  };
}
