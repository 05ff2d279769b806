# The app as a Nix derivation: `nix-build`, then `saddlebag bundle ./result`.
{ pkgs ? import <nixpkgs> { } }:

pkgs.python3Packages.buildPythonApplication {
  pname = "pet-taxi";
  version = "0.1.0";
  pyproject = true;
  src = pkgs.lib.cleanSource ./.;

  build-system = [ pkgs.python3Packages.setuptools ];
  dependencies = [ pkgs.python3Packages.flask ];

  meta.mainProgram = "pet-taxi";
}
