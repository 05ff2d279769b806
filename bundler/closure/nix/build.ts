import { lstat, mkdtemp, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import {
  parseStorePath,
  type StorePath,
  splitNameVersion,
  storePathName,
  storePathOf,
} from '../../../src/core/store-path.ts';
import type { Workplace } from '../workplace.ts';
import type { DerivationAnswer, ProgramAnswer } from './describe.ts';
import { evaluate } from './evaluate.ts';
import { callNix, type NixCall, nixFailed } from './run.ts';
import type { NixTarget } from './target.ts';

/** What Nix built, as far as the choice of a program needs it. */
export interface NixBuild {
  /** Where the program may be, the likeliest first; never empty. */
  readonly outputs: readonly StorePath[];
  /** The program itself where that was said; absolute. */
  readonly program: string | null;
  /** `meta.mainProgram`. */
  readonly mainProgram: string | null;
  readonly name: string;
  readonly version: string;
}

/**
 * Evaluates and builds what Nix is asked for. Nix's collector leaves it alone until the work directory is deleted; no
 * link is left anywhere else.
 * @throws {SaddlebagError} `nix-build-failed`, `nix-output-missing`, `nix-path-missing`, and what `evaluate` throws
 */
export async function build(target: NixTarget, place: Workplace): Promise<NixBuild> {
  if (target.kind === 'lost') return buildLost(target, place);
  if (target.kind === 'derivation') return buildDerivation(target, place);
  report(`evaluating ${target.asked}`, place);
  for (let attempt = 1; ; attempt++) {
    const answer = await evaluate(target, place);
    try {
      return answer.kind === 'derivation'
        ? await buildAnswer(answer, target, place)
        : await buildProgram(answer, target, place);
    } catch (cause) {
      // Between evaluation and build nothing holds a derivation: a collector that ran just then took it away.
      if (attempt === 3 || (await allThere(derivationsOf(answer)))) throw cause;
    }
  }
}

/** What a path in the store stands for that is not there any more: Nix may still have it from elsewhere. */
async function buildLost(
  { asked, file }: Extract<NixTarget, { kind: 'lost' }>,
  place: Workplace,
): Promise<NixBuild> {
  const top = storePathOf(file);
  if (top === undefined) throw new Error(`${file} is not in the Nix store`);
  report(`fetching ${top}`, place);
  await realise([top], `cannot bundle ${asked}`, place);
  return buildOf(file);
}

/**
 * Takes what is in the store already.
 * @throws {SaddlebagError} `entrypoint-missing` where nothing is at `file`
 */
export async function buildOf(file: string): Promise<NixBuild> {
  const top = storePathOf(file);
  if (top === undefined) throw new Error(`${file} is not in the Nix store`);
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) {
    throw new SaddlebagError('entrypoint-missing', `cannot bundle ${file}: no such file or directory`, {
      hint: `name a program with --entrypoint, or bundle ${top}`,
    });
  }
  return {
    outputs: [top],
    program: stats.isDirectory() ? null : file,
    mainProgram: null,
    ...splitNameVersion(storePathName(top)),
  };
}

async function buildDerivation(
  { asked, derivation, outputs }: Extract<NixTarget, { kind: 'derivation' }>,
  place: Workplace,
): Promise<NixBuild> {
  const wanted = outputs.length === 0 ? [derivation] : outputs.map((output) => `${derivation}!${output}`);
  report(`building ${storePathName(parseStorePath(derivation))}`, place);
  const paths = await realise(wanted, `cannot build ${asked}`, place);
  return { outputs: paths, program: null, mainProgram: null, ...nameOf(derivation) };
}

/** Names what a derivation builds, whatever the output: the store path of one ends in its name, `app-0.1.0-bin`. */
function nameOf(derivation: string): { readonly name: string; readonly version: string } {
  return splitNameVersion(storePathName(parseStorePath(derivation)).replace(/\.drv$/, ''));
}

async function buildAnswer(
  answer: DerivationAnswer,
  target: NixTarget & { readonly outputs?: readonly string[] | null },
  place: Workplace,
): Promise<NixBuild> {
  const outputs = wantedOutputs(answer, target.outputs ?? null, target.asked);
  report(`building ${answer.name}${answer.outputs.length === 1 ? '' : ` (${outputs.join(', ')})`}`, place);
  const wanted = outputs.map((output) => `${answer.drvPath}!${output}`);
  const paths = await realise(wanted, `cannot build ${target.asked}`, place);
  const { pname, version, mainProgram } = answer;
  const named = pname === null ? splitNameVersion(answer.name) : { name: pname, version: version ?? '' };
  return { outputs: paths, program: null, mainProgram, ...named };
}

/**
 * Chooses the outputs that may hold the program: those asked for; else `bin`, where nixpkgs puts programs when they are
 * apart, and what `nix profile` and `nix-env` install.
 * @throws {SaddlebagError} `nix-output-missing`
 */
function wantedOutputs(
  answer: DerivationAnswer,
  asked: readonly string[] | null,
  target: string,
): readonly string[] {
  const missing = asked?.find((output) => !answer.outputs.includes(output));
  if (missing !== undefined) {
    throw new SaddlebagError('nix-output-missing', `cannot bundle ${target}: there is no output ${missing}`, {
      hint: `there are ${answer.outputs.join(', ')}`,
      exitCode: exitCodes.usage,
    });
  }
  if (asked !== null) return asked.length === 0 ? answer.outputs : asked;
  if (answer.output !== answer.outputs[0]) return [answer.output];
  const installed = answer.install ?? [answer.output];
  const wanted = new Set(['bin', ...installed, answer.output]);
  return [...wanted].filter((output) => answer.outputs.includes(output));
}

async function buildProgram(answer: ProgramAnswer, target: NixTarget, place: Workplace): Promise<NixBuild> {
  const top = storePathOf(answer.program);
  if (top === undefined) {
    throw new SaddlebagError(
      'nix-not-buildable',
      `cannot bundle ${target.asked}: its program ${answer.program} is not in the Nix store`,
      { hint: "an app's program is the path of a program in what a derivation builds" },
    );
  }
  report(`building ${storePathName(top)}`, place);
  const wanted = Object.entries(answer.context).flatMap(([path, outputs]) =>
    outputs === null || outputs.length === 0 ? [path] : outputs.map((output) => `${path}!${output}`),
  );
  await realise(wanted.length === 0 ? [top] : wanted, `cannot build ${target.asked}`, place);
  const [derivation, ...others] = derivationsOf(answer).filter((path) => path.endsWith('.drv'));
  const found = await buildOf(answer.program);
  return derivation === undefined || others.length > 0 ? found : { ...found, ...nameOf(derivation) };
}

/**
 * Builds or fetches what `wanted` names (store paths, and `<derivation>!<output>`) and holds it from Nix's collector
 * for as long as the work directory is there. What is there already costs one process.
 * @returns the store paths, in the order of `wanted`
 * @throws {SaddlebagError} `nix-missing`, `nix-path-missing`, `nix-build-failed`
 */
export async function realise(
  wanted: readonly string[],
  purpose: string,
  place: Workplace,
): Promise<readonly StorePath[]> {
  const root = join(await mkdtemp(join(place.workDirectory, 'root-')), 'held');
  const args = ['--realise', ...wanted, '--add-root', root, '--indirect'];
  const call: NixCall = { program: 'nix-store', args, purpose };
  const result = await callNix(call, place);
  if (result.exitCode !== 0) {
    const isThere = await allThere(wanted.map((path) => path.replace(/!.*$/, '')));
    throw isThere
      ? nixFailed(call, result, {
          code: 'nix-build-failed',
          hint: 'the whole log: nix-store --read-log with the .drv that failed',
        })
      : nixFailed(call, result, {
          code: 'nix-path-missing',
          hint: 'it was garbage collected, or never here: build it again',
        });
  }
  const links = result.stdout.split('\n').filter((line) => line !== '');
  return Promise.all(links.map(async (link) => parseStorePath(await readlink(link))));
}

function derivationsOf(answer: DerivationAnswer | ProgramAnswer): readonly string[] {
  return answer.kind === 'derivation' ? [answer.drvPath] : Object.keys(answer.context);
}

async function allThere(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined) return false;
  }
  return true;
}

function report(message: string, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message });
}
