import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import type { ExecResult } from '../../../src/core/exec.ts';
import type { Workplace } from '../workplace.ts';
import {
  type DerivationAnswer,
  describeExpression,
  describeFile,
  describeValue,
  type NixAnswer,
  type ProgramAnswer,
  parseAnswer,
} from './describe.ts';
import { callNix, type NixCall, nixFailed, runNix } from './run.ts';
import type { NixTarget } from './target.ts';

type FlakeTarget = Extract<NixTarget, { kind: 'flake' }>;
type ExpressionTarget = Extract<NixTarget, { kind: 'file' | 'expression' }>;

/**
 * Evaluates what is to be built, without building it.
 * @throws {SaddlebagError} `nix-missing`, `nix-too-old`, `nix-evaluation-failed`, `nix-attribute-missing`,
 *   `nix-attribute-required`, `nix-not-buildable`
 */
export async function evaluate(
  target: FlakeTarget | ExpressionTarget,
  place: Workplace,
): Promise<DerivationAnswer | ProgramAnswer> {
  const answer =
    target.kind === 'flake' ? await evaluateFlake(target, place) : await evaluateExpression(target, place);
  if (answer.kind === 'derivation' || answer.kind === 'program') return answer;
  throw notBuildable(answer, target);
}

async function evaluateExpression(target: ExpressionTarget, place: Workplace): Promise<NixAnswer> {
  const [expression, argument] =
    target.kind === 'file'
      ? [describeFile, ['--argstr', 'file', target.file]]
      : [describeExpression, ['--arg', 'value', target.expression]];
  const call: NixCall = {
    program: 'nix-instantiate',
    // Read-write, or the derivation that the answer names would not be there.
    args: [
      ...['--eval', '--strict', '--json', '--read-write-mode', '--expr', expression],
      ...argument,
      ...['--argstr', 'attribute', JSON.stringify(target.attribute)],
    ],
    purpose: `cannot evaluate ${target.asked}`,
  };
  return parseAnswer(
    await runNix(call, { code: 'nix-evaluation-failed', hint: traceHint(target) }, place),
    call.purpose,
  );
}

/** Says how to see where in the expression it is. */
function traceHint(target: FlakeTarget | ExpressionTarget): string {
  const attribute =
    target.kind === 'flake' || target.attribute.length === 0 ? '' : ` -A ${target.attribute.join('.')}`;
  const command = {
    flake: `nix eval --show-trace ${target.asked.replace(/\^.*$/, '')}`,
    file: `nix-instantiate --show-trace ${target.kind === 'file' ? target.file : ''}${attribute}`,
    expression: `nix-instantiate --show-trace --expr '…'${attribute}`,
  }[target.kind];
  return `where it comes from: ${command}`;
}

/** Takes what `nix run` would: an app before a package of the same name. */
async function evaluateFlake(target: FlakeTarget, place: Workplace): Promise<NixAnswer> {
  const system = await currentSystem(target, place);
  const name = target.fragment === '' ? 'default' : target.fragment;
  const app = await tryEvaluate(`${target.reference}#apps.${system}.${name}`, target, place);
  if (app.result.exitCode === 0) return parseAnswer(app.result.stdout, app.call.purpose);
  const own = await tryEvaluate(`${target.reference}#${target.fragment}`, target, place);
  if (own.result.exitCode === 0) return parseAnswer(own.result.stdout, own.call.purpose);

  // Whether it is missing, or there and faulty, is asked of the flake: Nix would say it only in words.
  const apps = await listNames(`${target.reference}#apps.${system}`, target, place);
  const packages = await listNames(`${target.reference}#packages.${system}`, target, place);
  if (apps === null && packages === null) await requireFlakes(place);
  const [first = name] = name.split('.');
  const failure = { code: 'nix-evaluation-failed', hint: traceHint(target) } as const;
  if (apps?.includes(first)) throw nixFailed(app.call, app.result, failure);
  const isElsewhere = target.fragment.includes('.') || (apps === null && packages === null);
  if (isElsewhere || packages?.includes(first)) throw nixFailed(own.call, own.result, failure);
  throw missingInFlake(target, [...new Set([...(apps ?? []), ...(packages ?? [])])].sort());
}

const flakeOptions = ['--extra-experimental-features', 'nix-command flakes'];

async function tryEvaluate(
  installable: string,
  target: FlakeTarget,
  place: Workplace,
): Promise<{ readonly call: NixCall; readonly result: ExecResult }> {
  const call: NixCall = {
    program: 'nix',
    args: ['eval', ...flakeOptions, '--json', installable, '--apply', describeValue],
    purpose: `cannot evaluate ${target.asked}`,
    tentative: true,
  };
  return { call, result: await callNix(call, place) };
}

/** Lists the names of a set; null where there is no such set, or it cannot be evaluated. */
async function listNames(
  installable: string,
  target: FlakeTarget,
  place: Workplace,
): Promise<readonly string[] | null> {
  const args = ['eval', ...flakeOptions, '--json', installable, '--apply', 'builtins.attrNames'];
  const call: NixCall = { program: 'nix', args, purpose: `cannot evaluate ${target.asked}`, tentative: true };
  const { exitCode, stdout } = await callNix(call, place);
  return exitCode === 0 ? (JSON.parse(stdout) as string[]) : null;
}

async function currentSystem(target: FlakeTarget, place: Workplace): Promise<string> {
  const args = ['--eval', '--json', '--expr', 'builtins.currentSystem'];
  const purpose = `cannot evaluate ${target.asked}`;
  return JSON.parse(
    await runNix({ program: 'nix-instantiate', args, purpose }, { code: 'nix-failed' }, place),
  ) as string;
}

/** Nix before 2.4 has no flakes, and does not know the option that allows them. */
async function requireFlakes(place: Workplace): Promise<void> {
  const call: NixCall = { program: 'nix', args: ['--version'], purpose: 'cannot ask Nix for its version' };
  const text = await runNix(call, { code: 'nix-failed' }, place);
  const [, version = '', major = '', minor = ''] = /((\d+)\.(\d+)\S*)/.exec(text) ?? [];
  if (version === '' || Number(major) > 2 || Number(minor) >= 4) return;
  throw new SaddlebagError(
    'nix-too-old',
    `cannot evaluate a flake: this Nix is ${version}, flakes came with 2.4`,
    {
      hint: 'build it and bundle what comes out, or name the attribute of a file: -f default.nix -A app',
    },
  );
}

function missingInFlake(
  { asked, reference, fragment }: FlakeTarget,
  names: readonly string[],
): SaddlebagError {
  const isDefault = fragment === '';
  return new SaddlebagError(
    isDefault ? 'nix-attribute-required' : 'nix-attribute-missing',
    `cannot bundle ${asked}: the flake has no ${isDefault ? 'default app or package' : `app or package ${fragment}`} for this system`,
    {
      hint: `choose one: ${names.map((name) => `${reference}#${name}`).join(', ')}`,
      exitCode: exitCodes.usage,
    },
  );
}

// A list that fills more than a screen helps nobody.
const listedNames = 40;

function listed(names: readonly string[]): string {
  const rest = names.length - listedNames;
  return [...names.slice(0, listedNames), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ');
}

function notBuildable(
  answer: Exclude<NixAnswer, DerivationAnswer | ProgramAnswer>,
  target: FlakeTarget | ExpressionTarget,
): SaddlebagError {
  const exitCode = exitCodes.usage;
  const cannot = `cannot bundle ${target.asked}`;
  switch (answer.kind) {
    case 'missing':
      return new SaddlebagError(
        'nix-attribute-missing',
        `${cannot}: there is no attribute ${answer.attribute}`,
        {
          hint:
            answer.names.length === 0 ? 'it is no set of attributes' : `there are ${listed(answer.names)}`,
          exitCode,
        },
      );
    case 'set': {
      const none = answer.names.length === 0;
      const prefix = target.kind === 'flake' ? `${target.asked}.` : '-A ';
      return new SaddlebagError(
        none ? 'nix-not-buildable' : 'nix-attribute-required',
        `${cannot}: it is a set ${none ? 'in which nothing can be built' : 'of several that can be built'}`,
        none
          ? { exitCode, hint: 'name the attribute of a derivation or an app' }
          : { exitCode, hint: `choose one: ${listed(answer.names.map((name) => `${prefix}${name}`))}` },
      );
    }
    case 'function': {
      const needs = answer.missing.length === 0 ? '' : ` that needs ${answer.missing.join(', ')}`;
      return new SaddlebagError('nix-not-buildable', `${cannot}: it is a function${needs}`, {
        hint: "call it yourself: --expr 'import ./file.nix { … }'",
        exitCode,
      });
    }
    case 'other':
      return new SaddlebagError(
        'nix-not-buildable',
        `${cannot}: it is a ${answer.type}, not a derivation or an app`,
        {
          hint: 'name the attribute of a derivation or an app',
          exitCode,
        },
      );
  }
}
