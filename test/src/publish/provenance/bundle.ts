import { parseStorePath } from '../../../../src/core/store-path.ts';
import type { Bundle } from '../../../../src/core/types.ts';
import type { DescribedFile } from '../../../../src/publish/provenance/provenance.ts';
import { entrypointOf } from '../../../helpers/closures.ts';

const glibc = parseStorePath(`/nix/store/${'0'.repeat(32)}-glibc-2.37-66`);
const app = parseStorePath(`/nix/store/${'1'.repeat(32)}-web-1.0`);

const bundle: Bundle = {
  version: 2,
  name: 'web',
  appVersion: '1.0',
  file: '/nowhere/web-1.0-x86_64',
  arch: 'x86_64',
  source: 'nix',
  entrypoint: entrypointOf(`${app}/bin/web`),
  programs: [],
  binds: [],
  root: null,
  imageSettings: null,
  excluded: [],
  relocateRefusal: null,
  runtimeOptions: true,
  sizeBytes: 1000,
  sha256: 'ab'.repeat(32),
  closureSha256: 'cd'.repeat(32),
  toolVersion: '9.9.9',
  tailOffset: 1,
  image: {
    sizeBytes: 900,
    frames: 2,
    frameBytes: 1 << 20,
    tarBytes: 4096,
    contentBytes: 300,
    encoder: 'zstd 1.5.7 level 19',
    paths: [
      {
        storePath: glibc,
        references: [],
        entries: 1,
        contentBytes: 200,
        compressedBytes: 100,
        contentSha256: 'ef'.repeat(32),
      },
      {
        storePath: app,
        references: [glibc],
        entries: 1,
        contentBytes: 100,
        compressedBytes: 50,
        contentSha256: '01'.repeat(32),
      },
    ],
  },
};

/** Describes a bundle of two store paths that no file holds. */
export const sampleFile: DescribedFile & { readonly contents: Bundle } = { ...bundle, contents: bundle };
