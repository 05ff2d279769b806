import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Context } from '../../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { enterStore } from '../locate.ts';

/** What the flags say of a Nix build. */
export interface NixRequest {
  /** `--file` */
  readonly file?: string;
  /** `--attr` */
  readonly attribute?: string;
  /** `--expr` */
  readonly expression?: string;
}

/** What Nix is to evaluate and to build. `asked` is how the user said it. */
export type NixTarget = { readonly asked: string } & (
  | {
      readonly kind: 'flake';
      readonly reference: string;
      /** What stands behind `#`; may be empty. */
      readonly fragment: string;
      /** What stands behind `^`: all where empty; null where nothing does. */
      readonly outputs: readonly string[] | null;
    }
  | {
      readonly kind: 'file';
      /** Absolute. */
      readonly file: string;
      readonly attribute: readonly string[];
    }
  | { readonly kind: 'expression'; readonly expression: string; readonly attribute: readonly string[] }
  | {
      readonly kind: 'derivation';
      readonly derivation: string;
      /** All where empty. */
      readonly outputs: readonly string[];
    }
  /** `file` is in the store, or was: nothing is there. */
  | { readonly kind: 'lost'; readonly file: string }
);

// Source: Nix manual, "nix flake", types of flake references; "flake:" names one of the registry.
const flakeScheme =
  /^(path|flake|github|gitlab|sourcehut|git|hg|git\+(file|https?|ssh|git)|hg\+(file|https?|ssh)|(tarball\+)?(https?|file)):/;

/**
 * Says what Nix is to build, or null where `app` is no matter of an evaluation: a file, a program, a store path.
 * @throws {SaddlebagError} `flags-conflict`, `attribute-invalid`, `nix-derivation`, `app-not-found`
 */
export async function nixTarget(
  app: string | undefined,
  request: NixRequest,
  context: Pick<Context, 'cwd'>,
): Promise<NixTarget | null> {
  if (request.file !== undefined || request.attribute !== undefined || request.expression !== undefined) {
    return expressionTarget(app, request, context);
  }
  if (app === undefined) return null;
  const bare = app.replace(/^nix:/, '');
  const drv = /^(\/nix\/store\/[^/]+\.drv)(?:[\^!](.+))?$/.exec(bare);
  if (drv?.[1] !== undefined) return derivationTarget(bare, drv[1], drv[2]);
  const path = resolve(context.cwd, bare);
  if (await exists(path)) {
    // `nix:` before a directory can only mean what is written there; without it, it may be many other things.
    if (app !== bare && (await exists(join(path, 'flake.nix')))) return flakeTarget(bare);
    const isFile = bare.endsWith('.nix') || (app !== bare && (await exists(join(path, 'default.nix'))));
    return isFile ? expressionTarget(undefined, { file: bare }, context) : null;
  }
  if (bare.includes('#') || flakeScheme.test(bare)) return flakeTarget(bare);
  const file = await enterStore(path);
  return file === undefined ? null : { kind: 'lost', asked: bare, file };
}

async function expressionTarget(
  app: string | undefined,
  { file, attribute, expression }: NixRequest,
  context: Pick<Context, 'cwd'>,
): Promise<NixTarget> {
  const path = parseAttribute(attribute ?? '');
  const suffix = attribute === undefined ? '' : ` -A ${attribute}`;
  if (
    (app !== undefined && file !== undefined) ||
    (expression !== undefined && (app ?? file) !== undefined)
  ) {
    throw conflict(expression === undefined ? '<app> and --file' : '--expr and a file');
  }
  if (expression !== undefined)
    return { kind: 'expression', asked: `--expr${suffix}`, expression, attribute: path };
  if (app?.includes('#') === true) throw conflict(`${app} and --attr`);
  const named = file ?? app?.replace(/^nix:/, '') ?? './default.nix';
  const absolute = resolve(context.cwd, named);
  if (!(await exists(absolute))) throw missingFile(named, file ?? app);
  return { kind: 'file', asked: `${named}${suffix}`, file: absolute, attribute: path };
}

function flakeTarget(asked: string): NixTarget {
  const [, reference = '', fragment = ''] = /^([^#]*)#?(.*)$/s.exec(asked) ?? [];
  const [, attribute = '', outputs] = /^([^^]*)(?:\^(.*))?$/s.exec(fragment) ?? [];
  return {
    kind: 'flake',
    asked,
    reference: reference === '' ? '.' : reference,
    fragment: attribute,
    outputs: outputs === undefined ? null : splitOutputs(outputs),
  };
}

function derivationTarget(asked: string, derivation: string, outputs: string | undefined): NixTarget {
  if (outputs !== undefined) return { kind: 'derivation', asked, derivation, outputs: splitOutputs(outputs) };
  throw new SaddlebagError(
    'nix-derivation',
    `cannot bundle ${asked}: it says how to build an app and is none`,
    {
      hint: `bundle what it builds: saddlebag bundle '${asked}^out'`,
      exitCode: exitCodes.usage,
    },
  );
}

function splitOutputs(text: string): readonly string[] {
  return text === '*' ? [] : text.split(',').filter((output) => output !== '');
}

/**
 * Parses an attribute path as Nix does: names between dots, in quotes where they hold dots.
 * @throws {SaddlebagError} `attribute-invalid`
 */
function parseAttribute(text: string): readonly string[] {
  if (text === '') return [];
  const names = [...text.matchAll(/(?:^|\.)(?:"([^"]*)"|([^".]+))(?=\.|$)/g)];
  if (names.map(([whole]) => whole).join('') !== text) {
    throw new SaddlebagError(
      'attribute-invalid',
      `cannot read the attribute ${text}: it is no list of names`,
      {
        hint: 'names stand between dots; one that holds a dot, in quotes: packages."a.b"',
        exitCode: exitCodes.usage,
      },
    );
  }
  return names.map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function conflict(what: string): SaddlebagError {
  return new SaddlebagError('flags-conflict', `cannot take ${what} at once: each says what is to be built`, {
    hint: 'a file takes --attr (-A) for what is in it, a flake # in its reference',
    exitCode: exitCodes.usage,
  });
}

function missingFile(file: string, asked: string | undefined): SaddlebagError {
  return new SaddlebagError('app-not-found', `cannot build ${file}: no such file or directory`, {
    hint:
      asked === undefined
        ? '--attr alone takes ./default.nix; name another file with -f, or bundle a flake: .#app'
        : 'give the path of a Nix file or of a directory with default.nix',
  });
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
