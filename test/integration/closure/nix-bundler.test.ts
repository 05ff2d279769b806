import { cp, mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { builtCli, saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { type PrivateStore, privateStore, privateStoreTools } from '../../helpers/private-store.ts';
import { suiteDirectory } from '../../helpers/temporary.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

// A program with two dependencies, named in files so small that zstd would keep their hashes as they are.
const app = `{
  outputs = { self }:
    let
      build = attributes: script: derivation ({
        system = "SYSTEM";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
        args = [ "-euc" script ];
      } // attributes);
      data = build { name = "data"; } "echo 'from the data' > $out";
      greet = build { name = "greet-1.2"; outputs = [ "out" "bin" ]; inherit data; } ''
          mkdir -p $out/share $bin/bin
          echo $data > $out/share/needs
          printf '#!/bin/sh\\ncat %s\\nread line < %s/share/needs && echo $line "$@"\\n' $data $out > $bin/bin/greet
          printf '#!/bin/sh\\necho other\\n' > $bin/bin/other
          chmod +x $bin/bin/*
        '';
    in {
      packages.SYSTEM.greet = greet // { pname = "greet"; version = "1.2"; meta.mainProgram = "greet"; };
      apps.SYSTEM.other = { type = "app"; program = "\${greet.bin}/bin/other"; };
    };
}`;

// What the flake takes of nixpkgs, with this checkout's Saddlebag for the one that npm's packages would give.
const nixpkgs = `{
  outputs = { self }: {
    legacyPackages.SYSTEM = {
      callPackage = file: more: import file {
        lib = {
          importJSON = path: builtins.fromJSON (builtins.readFile path);
          cleanSource = path: path;
          getExe = package: "\${package}/bin/it";
          licenses.mit = "MIT";
        };
        zig = "/zig";
        nodejs_24 = "/node";
        importNpmLock = { __functor = self: { npmRoot }: npmRoot + "/package-lock.json"; npmConfigHook = "hook"; };
        buildNpmPackage = attributes: builtins.seq (builtins.stringLength attributes.buildPhase) (derivation {
          name = "\${attributes.pname}-\${attributes.version}";
          system = "SYSTEM";
          builder = "/bin/sh";
          PATH = "/usr/bin:/bin";
          args = [ "-euc" ''
            mkdir -p $out/bin
            printf '#!/bin/sh\\nexec NODE CLI "$@"\\n' > $out/bin/saddlebag
            chmod +x $out/bin/saddlebag
          '' ];
        } // { inherit (attributes) meta; });
      };
    };
  };
}`;

describeWith([...privateStoreTools, 'zstd'], 'nix bundle --bundler', () => {
  const suite = suiteDirectory();
  const inSuite = (name: string) => join(suite(), name);
  let store: PrivateStore;

  beforeAll(async () => {
    store = await privateStore(inSuite('nix'));
    const asked = ['--eval', '--json', '--expr', 'builtins.currentSystem'];
    const system = JSON.parse((await store.run('nix-instantiate', asked)).stdout) as string;
    const fill = (text: string) =>
      text.replaceAll('SYSTEM', system).replaceAll('NODE', process.execPath).replaceAll('CLI', builtCli);
    await writeTree(suite(), { 'app/flake.nix': fill(app), 'nixpkgs/flake.nix': fill(nixpkgs) });
    await mkdir(inSuite('flake'));
    for (const name of ['nix', 'package.json', 'package-lock.json']) {
      await cp(join(repository, name), inSuite(`flake/${name}`), { recursive: true });
    }
    const flake = await readFile(join(repository, 'flake.nix'), 'utf8');
    const stub = flake.replace('github:NixOS/nixpkgs/nixos-unstable', `path:${inSuite('nixpkgs')}`);
    expect(stub).not.toBe(flake);
    await writeFile(inSuite('flake/flake.nix'), stub);
  });

  async function bundle(attribute: string): Promise<string> {
    const options = ['--extra-experimental-features', 'nix-command flakes'];
    const which = ['--bundler', `path:${inSuite('flake')}`, `path:${inSuite('app')}#${attribute}`];
    const result = await store.run('nix', ['bundle', ...options, ...which, '-o', inSuite(attribute)]);
    expect(result.exitCode, result.stderr).toBe(0);
    return readlink(inSuite(attribute));
  }

  /** Takes a bundle out of the private store, to where this process sees it. */
  async function takeOut(storePath: string): Promise<string> {
    const file = inSuite(storePath.slice('/nix/store/'.length));
    await cp(join(inSuite('nix/store'), storePath.slice('/nix/store/'.length)), file);
    return file;
  }

  it('makes a derivation one file that refers to nothing', async () => {
    const made = await bundle('greet');
    expect(made).toMatch(/-greet-1\.2-(x86_64|aarch64)$/);
    const references = await store.run('nix-store', ['--query', '--references', made]);
    expect([references.exitCode, references.stdout]).toEqual([0, '']);

    const file = await takeOut(made);
    const { name, appVersion, image, tailOffset } = await saddlebagJson<Bundle>(['inspect', file]);
    expect([name, appVersion, image.paths.length]).toEqual(['greet', '1.2', 3]);
    // The hashes are in it, all the same: stock tools find them once it is unpacked.
    const hash = image.paths[0]?.storePath.slice(11, 43) ?? '';
    const unpack = `tail -c +${tailOffset} ${file} | zstd -d | grep -c ${hash}`;
    expect(Number((await execProcess('sh', ['-c', unpack])).stdout)).toBeGreaterThan(0);
    expect((await readFile(file)).includes(hash)).toBe(false);

    const env = { SADDLEBAG_CACHE_DIR: inSuite('cache'), PATH: process.env.PATH };
    const ran = await execProcess(file, ['one', 'two'], { env });
    expect([ran.exitCode, ran.stdout]).toEqual([0, `from the data\n${image.paths[0]?.storePath} one two`]);
  });

  it('makes an app one file that starts its program', async () => {
    const made = await bundle('other');
    expect(made).toMatch(/-greet-1\.2-(x86_64|aarch64)$/);
    const env = { SADDLEBAG_CACHE_DIR: inSuite('cache'), PATH: process.env.PATH };
    expect((await execProcess(await takeOut(made), [], { env })).stdout).toBe('other');
  });

  it('gives the same bytes inside a build as outside', async () => {
    const made = await bundle('greet');
    const result = await store.saddlebag([
      'bundle',
      `path:${inSuite('app')}#greet`,
      '-o',
      inSuite('outside'),
      '--force',
    ]);
    expect(result.exitCode, result.stderr).toBe(0);
    expect((await readFile(inSuite('outside'))).equals(await readFile(await takeOut(made)))).toBe(true);
  });

  it.each([
    [
      'nowhere',
      null,
      /cannot read the closure from \/\S+\/nowhere: no such file or directory\n {2}hint: give the file that exportReferencesGraph names/,
    ],
    ['text', 'just\nsome\ntext\n', /text: line 3 is not as Nix writes it/],
    [
      'another',
      `/nix/store/${'a'.repeat(32)}-other\n\n0\n`,
      /another: it has no \/nix\/store\/\S+-greet-1\.2-bin\n/,
    ],
    [
      'list',
      `/nix/store/${'a'.repeat(32)}-a\n/nix/store/${'b'.repeat(32)}-b\n/nix/store/${'c'.repeat(32)}-c\n`,
      /list: line 3 is not as/,
    ],
  ])('refuses --store-paths %s', async (name, content, message) => {
    await bundle('greet');
    if (content !== null) await writeFile(inSuite(name), content);
    const built = await store.run('sh', ['-c', 'ls -d /nix/store/*-greet-1.2-bin']);
    const args = ['bundle', built.stdout, '--store-paths', inSuite(name), '-o', inSuite('refused')];
    const result = await store.saddlebag(args);
    expect(result.stderr).toMatch(message);
    expect(result.exitCode).toBe(2);
  });

  it('takes --store-paths for nothing that is outside of the store', async () => {
    const result = await saddlebag(['bundle', 'program:true', '--store-paths', 'x'], { cwd: suite() });
    expect(result.stderr).toMatch(/cannot take --store-paths for program:true: it is not in the Nix store\n/);
  });
});
