import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import type { ExecResult } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { writeTree } from '../../helpers/closures.ts';
import { type PrivateStore, privateStore } from '../../helpers/private-store.ts';
import { suiteDirectory } from '../../helpers/temporary.ts';

// Scripts of the host's shell: what a bundle of them needs is not what these tests are about.
const expression = `
{ system ? builtins.currentSystem }:
let
  build = name: outputs: script: more: derivation {
    inherit name system outputs;
    builder = "/bin/sh";
    args = [ "-euc" script ];
    PATH = "/usr/bin:/bin";
  } // more;
  programs = names: ''
    mkdir -p $bin/bin
    for name in \${names}; do
      printf '#!/bin/sh\\necho %s "$@"\\n' $name > $bin/bin/$name
      chmod +x $bin/bin/$name
    done
  '';
in rec {
  many = build "many-tools-2.1" [ "out" "bin" "dev" ] ''
    echo building the tools >&2
    mkdir -p $out/share $dev/include
    \${programs "first second many"}
    cp $bin/bin/first $bin/bin/.second-wrapped
  '' { pname = "many"; version = "2.1"; meta = { mainProgram = "first"; outputsToInstall = [ "bin" "dev" ]; }; };
  named = removeAttrs many [ "meta" ];
  lying = many // { meta = { mainProgram = "nowhere"; }; };
  lone = build "lone" [ "bin" ] (programs "only") { };
  pair = build "pair" [ "bin" ] (programs "left right") { };
  broken = build "broken-1.0" [ "out" ] "echo this is why >&2; exit 3" { };
  throws = throw "not on this planet";
  needs = { depth, width ? 1 }: many;
  text = 5;
  nested.deep."a.b" = lone;
}`;

const flake = `{
  outputs = { self }: let built = import ./default.nix { system = "SYSTEM"; }; in {
    packages.SYSTEM = { inherit (built) many lone broken throws; };
    apps.SYSTEM.second = { type = "app"; program = "\${built.many.bin}/bin/second"; };
    apps.SYSTEM.outside = { type = "app"; program = "/bin/true"; };
    other.thing = built.lone;
  };
}`;

/** A project of Nix expressions in a store of its own, which the tests of a suite share. */
export interface NixProject {
  /** The directory above the project's, for what else a test puts there. */
  suite(): string;
  cwd(): string;
  store(): PrivateStore;
  /** Bundles with one output file, which the next call replaces. */
  bundle(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ExecResult>;
  /** Bundles, fails where that fails, and returns what `--json` prints. */
  bundled(args: readonly string[]): Promise<Bundle>;
}

/** Lays the project out before the tests of the suite run. */
export function nixProject(): NixProject {
  const suite = suiteDirectory();
  const cwd = () => join(suite(), 'project');
  let store: PrivateStore;

  beforeAll(async () => {
    store = await privateStore(join(suite(), 'nix'));
    const asked = ['--eval', '--json', '--expr', 'builtins.currentSystem'];
    const system = JSON.parse((await store.run('nix-instantiate', asked)).stdout) as string;
    await writeTree(cwd(), {
      'default.nix': expression,
      'flake.nix': flake.replaceAll('SYSTEM', system),
      'with space/one.nix': '{ alone = (import ../default.nix { }).lone; other = 5; }',
      'broken.nix': '{',
      '../plain/default.nix': '(import ../project { }).lone',
    });
  });

  const bundle = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    store.saddlebag(['bundle', ...args, '-o', '../bundle', '--force', '--compress', 'fast'], {
      cwd: cwd(),
      env,
    });

  async function bundled(args: readonly string[]): Promise<Bundle> {
    const result = await bundle([...args, '--json', '--quiet']);
    expect(result.exitCode, result.stderr).toBe(0);
    return JSON.parse(result.stdout) as Bundle;
  }

  return { suite, cwd, store: () => store, bundle, bundled };
}
