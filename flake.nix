{
  description = "One executable file from an app and everything it needs; publish it, deploy it on Nomad";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      forEachSystem = make: builtins.listToAttrs (
        map (system: { name = system; value = make system; }) [ "x86_64-linux" "aarch64-linux" ]
      );
    in
    {
      packages = forEachSystem (system: rec {
        default = saddlebag;
        saddlebag = nixpkgs.legacyPackages.${system}.callPackage ./nix/package.nix { };
      });

      # nix bundle --bundler github:saddlebag/saddlebag .#app
      bundlers = forEachSystem (system: rec {
        default = toFile;
        toFile = import ./nix/bundler.nix {
          inherit system;
          command = [ "${self.packages.${system}.saddlebag}/bin/saddlebag" ];
        };
      });
    };
}
