import type { Arch } from './types.ts';

/**
 * Names a bundle's file, `<name>-<version>-<arch>`, or `<name>-<arch>` where the version is unknown. What is published
 * is always called so, whatever the local file: Nomad's job learns the architecture from it.
 */
export function bundleFileName(bundle: {
  readonly name: string;
  readonly appVersion: string;
  readonly arch: Arch;
}): string {
  return [bundle.name, bundle.appVersion, bundle.arch].filter((part) => part !== '').join('-');
}
