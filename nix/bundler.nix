# For `bundlers.<system>` of a flake: makes a function that turns an app or a derivation into one executable file, which
# refers to no store path. Needs neither nixpkgs nor a shell.
#
#   system    what the bundles run on, x86_64-linux or aarch64-linux
#   command   starts Saddlebag: a program and its arguments
#   flags     more of `saddlebag bundle`
{ system, command, flags ? [ ] }:

value:

let
  isApp = value.type or null == "app";
  # Where nixpkgs puts programs when they are an output of their own.
  package = value.bin or value;
  path = if isApp then value.program else "${package}";

  # The derivation behind an app names it best: the store path may be that of an output, `app-0.1.0-bin`.
  derivations = builtins.filter (found: found != null) (
    map (builtins.match ".*/[^-]*-(.*)[.]drv") (builtins.attrNames (builtins.getContext path))
  );
  fullName =
    if !isApp then value.name
    else if builtins.length derivations == 1 then builtins.head (builtins.head derivations)
    else builtins.head (builtins.match "/nix/store/[^-]*-([^/]*).*" (builtins.unsafeDiscardStringContext path));
  parsed = builtins.parseDrvName fullName;
  name = value.pname or parsed.name;
  version = value.version or parsed.version;
  arch = builtins.head (builtins.split "-" system);

  when = condition: list: if condition then list else [ ];
in

derivation {
  name = builtins.concatStringsSep "-" (builtins.filter (part: part != "") [ name version arch ]);
  inherit system;
  builder = builtins.head command;
  args =
    builtins.tail command
    ++ [ "bundle" path "--store-paths" "closure" "--output" (builtins.placeholder "out") "--no-cache" "--name" name ]
    ++ when (version != "") [ "--app-version" version ]
    ++ when (!isApp && value ? meta.mainProgram) [ "--entrypoint" "bin/${value.meta.mainProgram}" ]
    ++ flags;
  # Nix does not answer inside a build: it writes here what belongs to the closure.
  exportReferencesGraph = [ "closure" path ];
}
