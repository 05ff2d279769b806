import { SaddlebagError } from '../../../src/core/errors.ts';

/** A derivation, as an expression gave it. */
export interface DerivationAnswer {
  readonly kind: 'derivation';
  readonly drvPath: string;
  /** `app-0.1.0`. */
  readonly name: string;
  readonly pname: string | null;
  readonly version: string | null;
  readonly outputs: readonly string[];
  /** The output that the expression stands for. */
  readonly output: string;
  /** `meta.outputsToInstall`. */
  readonly install: readonly string[] | null;
  readonly mainProgram: string | null;
}

/** A program by its path: the app of a flake, or text that leads into the store. */
export interface ProgramAnswer {
  readonly kind: 'program';
  readonly program: string;
  /** What must be built for it: derivation → outputs, all of them where empty; a plain store path → null. */
  readonly context: Readonly<Record<string, readonly string[] | null>>;
}

/** What an expression turned out to be. */
export type NixAnswer =
  | DerivationAnswer
  | ProgramAnswer
  /** `names` are what can be built. */
  | { readonly kind: 'set'; readonly names: readonly string[] }
  /** `missing` are the arguments without a default. */
  | { readonly kind: 'function'; readonly missing: readonly string[] }
  /** `names` are what there is where `attribute` is not. */
  | { readonly kind: 'missing'; readonly attribute: string; readonly names: readonly string[] }
  | { readonly kind: 'other'; readonly type: string };

// In Nix, so that one evaluation answers with data, and nothing is read off the words of an error. What is called without
// being asked for is what nix-build calls: a function all of whose arguments have defaults.
const library = `
  isKind = kind: value: builtins.isAttrs value && value.type or null == kind;
  isBuildable = value:
    let tried = builtins.tryEval (isKind "derivation" value || isKind "app" value);
    in tried.success && tried.value;

  describeDerivation = drv: {
    kind = "derivation";
    inherit (drv) drvPath name;
    pname = drv.pname or null;
    version = drv.version or null;
    outputs = drv.outputs or [ "out" ];
    output = drv.outputName or "out";
    install = drv.meta.outputsToInstall or null;
    mainProgram = drv.meta.mainProgram or null;
  };

  describeProgram = program: {
    kind = "program";
    program = builtins.unsafeDiscardStringContext program;
    context = builtins.mapAttrs
      (_: what: if what ? outputs then what.outputs else if what.allOutputs or false then [ ] else null)
      (builtins.getContext program);
  };

  describeSet = set:
    let names = builtins.filter (name: isBuildable set.\${name}) (builtins.attrNames set);
    in if builtins.length names == 1
      then describe set.\${builtins.head names}
      else { kind = "set"; inherit names; };

  describe = value:
    if isKind "derivation" value then describeDerivation value
    else if isKind "app" value then describeProgram "\${value.program}"
    else if builtins.isAttrs value then describeSet value
    else if builtins.isString value then describeProgram value
    else if builtins.isFunction value then {
      kind = "function";
      missing = let all = builtins.functionArgs value;
        in builtins.filter (name: !all.\${name}) (builtins.attrNames all);
    }
    else { kind = "other"; type = builtins.typeOf value; };

  call = value:
    if builtins.isFunction value && builtins.all (x: x) (builtins.attrValues (builtins.functionArgs value))
    then value { }
    else value;

  select = value: done: attributes:
    let
      name = builtins.head attributes;
      found = call value;
      names = if builtins.isAttrs found then builtins.attrNames found else [ ];
    in
    if attributes == [ ] then describe found
    else if builtins.elem name names
    then select found.\${name} (done ++ [ name ]) (builtins.tail attributes)
    else {
      kind = "missing";
      attribute = builtins.concatStringsSep "." (done ++ [ name ]);
      inherit names;
    };
`;

/** A function in Nix: a value → its NixAnswer. */
export const describeValue = `let ${library} in value: describe value`;

/** A function in Nix: the file `file`, and below it the attribute that the JSON list `attribute` names → NixAnswer. */
export const describeFile = `let ${library} in { file, attribute }:
  select (import (/. + file)) [ ] (builtins.fromJSON attribute)`;

/** A function in Nix: as `describeFile`, of a value. */
export const describeExpression = `let ${library} in { value, attribute }:
  select value [ ] (builtins.fromJSON attribute)`;

const kinds = new Set(['derivation', 'program', 'set', 'function', 'missing', 'other']);

/**
 * Reads the JSON that one of the functions above gave.
 * @throws {SaddlebagError} `nix-failed` where it is none
 */
export function parseAnswer(text: string, purpose: string): NixAnswer {
  const answer = parseJson(text);
  if (typeof answer === 'object' && answer !== null && 'kind' in answer && kinds.has(String(answer.kind))) {
    return answer as NixAnswer;
  }
  throw new SaddlebagError('nix-failed', `${purpose}: unexpected output of Nix: ${text.slice(0, 80)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
