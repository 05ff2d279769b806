import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { inspectBundle } from '../../bundler/inspect.ts';

const golden = fileURLToPath(new URL('../fixtures/format/golden.bundle', import.meta.url));
const base = (letter: string, name: string) => `/nix/store/${letter.repeat(32)}-${name}`;

it('reads a bundle of format version 1 as the day it was made', async () => {
  const bundle = await inspectBundle(golden, { signal: new AbortController().signal });
  expect(bundle).toEqual({
    version: 1,
    name: 'app',
    appVersion: '1.0',
    file: golden,
    arch: 'x86_64',
    source: 'directory',
    entrypoint: {
      program: `${base('c', 'app-1.0')}/bin/app`,
      args: ['--answer', '42'],
      env: { A: 'b' },
      interpreter: 'nowhere',
    },
    sizeBytes: 6919,
    sha256: '064083774e35c026f33217e801bd48c6359f787e79c6b2cffc6ef0a750b290e7',
    closureSha256: 'ce5e2f522b22f92fedb4931b714d70ab94b754592f8ae4e9e3610fa0dc62b2f0',
    toolVersion: '0.1.0',
    tailOffset: 4097,
    image: {
      sizeBytes: 991,
      frames: 7,
      frameBytes: 4096,
      tarBytes: 17920,
      contentBytes: 10016,
      encoder: 'zstd 1.5.7 level 3',
      paths: [
        {
          storePath: base('b', 'lib'),
          references: [],
          entries: 5,
          contentBytes: 5,
          compressedBytes: 175,
          contentSha256: '32d00f5a4c49fd7920eb337deb565797cbbc0a030cbd1869c4a3fce48dd98de9',
        },
        {
          storePath: base('c', 'app-1.0'),
          references: [],
          entries: 6,
          contentBytes: 10011,
          compressedBytes: 793,
          contentSha256: '6af9cf154bcfc0d61c45040737c30151f985ac65cd9beb55f577389152852944',
        },
      ],
    },
  });
});
