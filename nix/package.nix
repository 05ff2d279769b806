# Saddlebag as a package of nixpkgs. npm's packages come by the integrity that package-lock.json has of each, so that no
# hash needs to be kept here.
{ lib, buildNpmPackage, importNpmLock, nodejs_24, zig }:

buildNpmPackage {
  pname = "saddlebag";
  inherit (lib.importJSON ../package.json) version;
  src = lib.cleanSource ../.;
  nodejs = nodejs_24;
  npmDeps = importNpmLock { npmRoot = ../.; };
  npmConfigHook = importNpmLock.npmConfigHook;
  npmFlags = [ "--ignore-scripts" ];

  # Not `npm run build`: that would start the Node that npm brings, which needs a loader that is not there.
  buildPhase = ''
    runHook preBuild
    export ZIG=${lib.getExe zig} ZIG_GLOBAL_CACHE_DIR=$TMPDIR/zig
    node bundler/runtime/build.ts
    node .ci/build.ts
    runHook postBuild
  '';

  meta = {
    description = "One executable file from an app and everything it needs; publish it, deploy it on Nomad";
    license = lib.licenses.mit;
    mainProgram = "saddlebag";
    platforms = [ "x86_64-linux" "aarch64-linux" ];
  };
}
