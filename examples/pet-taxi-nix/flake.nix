{
  description = "A web service with a business plan, as one file for any Linux host";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forEachSystem = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = forEachSystem (pkgs: { default = import ./default.nix { inherit pkgs; }; });
      devShells = forEachSystem (pkgs: { default = import ./shell.nix { inherit pkgs; }; });
    };
}
