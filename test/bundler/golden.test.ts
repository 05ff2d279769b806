import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { inspectBundle } from '../../bundler/inspect.ts';

const golden = fileURLToPath(new URL('../fixtures/format/golden.bundle', import.meta.url));
const base = (letter: string, name: string) => `/nix/store/${letter.repeat(32)}-${name}`;

it('reads a bundle of format version 2 as the day it was made', async () => {
  const bundle = await inspectBundle(golden, { signal: new AbortController().signal });
  expect(bundle).toEqual({
    version: 2,
    name: 'app',
    appVersion: '1.0',
    file: golden,
    arch: 'x86_64',
    source: 'directory',
    entrypoint: {
      program: `${base('c', 'app-1.0')}/bin/app`,
      args: ['--answer', '42'],
      defaultArgs: ['help'],
      env: [
        { name: 'A', value: 'b', policy: 'where-unset' },
        { name: 'PATH', value: '/opt/bin', policy: 'append' },
      ],
      workingDirectory: '/srv',
      init: true,
      ownName: true,
      interpreter: 'nowhere',
    },
    programs: [{ name: 'other', program: `${base('c', 'app-1.0')}/bin/app` }],
    binds: [{ source: `${base('c', 'app-1.0')}/share/link`, target: '/etc/link', policy: 'always' }],
    root: base('c', 'app-1.0'),
    imageSettings: null,
    excluded: [],
    relocateRefusal: null,
    runtimeOptions: false,
    sizeBytes: 7658,
    sha256: 'a23af4e1ca997e041cc3eff543e09ac36e12f1adf0e1dc7f8a6ffc2f204d85a3',
    closureSha256: '02b3bd5886485c90729246ba8813641f74ac2c693af1c3d881a7288758a03a48',
    toolVersion: '0.1.0',
    tailOffset: 4097,
    image: {
      sizeBytes: 1042,
      frames: 7,
      frameBytes: 16384,
      tarBytes: 50176,
      contentBytes: 40021,
      encoder: 'zstd 1.5.7 level 3',
      paths: [
        {
          storePath: base('b', 'lib'),
          references: [],
          entries: 5,
          contentBytes: 5,
          compressedBytes: 138,
          contentSha256: '32d00f5a4c49fd7920eb337deb565797cbbc0a030cbd1869c4a3fce48dd98de9',
        },
        {
          storePath: base('d', 'data'),
          references: [],
          entries: 3,
          contentBytes: 5,
          compressedBytes: 92,
          contentSha256: '62631812767fef415ecb4f1aee291968edd24e40116a84d9ff3a8146d0a87104',
        },
        {
          storePath: base('c', 'app-1.0'),
          references: [],
          entries: 6,
          contentBytes: 40011,
          compressedBytes: 789,
          contentSha256: '832b04193559fc5c3395fb05c0afdfc0e6ff0ebd9cd9a72c4eb43295139ac5d4',
        },
      ],
    },
  });
});
