# What it takes to work on the app: its own Python with what it depends on, MinIO's client and Nomad.
{ pkgs ? import <nixpkgs> { } }:

pkgs.mkShell {
  inputsFrom = [ (import ./default.nix { inherit pkgs; }) ];
  packages = [ pkgs.minio-client pkgs.nomad ];
}
