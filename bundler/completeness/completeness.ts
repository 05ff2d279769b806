import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { Closure } from '../../src/core/types.ts';
import { driverHint, isDriverLibrary } from '../closure/elf/driver-library.ts';
import { type Finding, type FindingKind, findingKinds } from './finding.ts';
import { judgeClosure } from './judge.ts';
import { type KnownFiles, knownFacts } from './known-facts.ts';

/** What is passed over without a word, and what is known already. */
export interface CompletenessOptions {
  readonly allow: readonly FindingKind[];
  readonly known: KnownFiles;
}

const shownFiles = 2;
/** Of warnings; an error has all that it can be fixed by. */
const shownProblems = { warning: 5, error: 50 } as const;

/**
 * Checks that a closure holds what it needs: libraries, loaders and interpreters, the right processor, links that lead
 * somewhere, and no secrets. What keeps the app from starting is an error, all of it in one; the rest is reported.
 * @throws {SaddlebagError} `closure-incomplete`, and what `walkTree` throws; the reason of the context's signal
 */
export async function checkCompleteness(
  closure: Closure,
  { allow, known }: CompletenessOptions,
  context: Context,
): Promise<void> {
  const facts = [];
  for (const path of closure.paths) facts.push(await knownFacts(path, known, context.signal));
  const findings = judgeClosure(closure, facts).filter(({ kind }) => !allow.includes(kind));
  const fatal = findings.filter((finding) => finding.fatal);
  if (fatal.length > 0) throw incomplete(closure, fatal);
  for (const kind of findingKinds)
    warn(
      kind,
      findings.filter((finding) => finding.kind === kind),
      { closure, context },
    );
}

/**
 * Parses what `--allow` was given.
 * @throws {SaddlebagError} `allow-unknown`
 */
export function parseAllow(names: readonly string[]): FindingKind[] {
  const each = names.flatMap((list) => list.split(','));
  return each.map((name) => {
    const kind = findingKinds.find((candidate) => candidate === name);
    if (kind !== undefined) return kind;
    throw new SaddlebagError(
      'allow-unknown',
      `cannot allow ${JSON.stringify(name)}: no check is called that`,
      {
        hint: `--allow takes ${findingKinds.join(', ')}`,
        exitCode: exitCodes.usage,
      },
    );
  });
}

const hints: Readonly<Record<FindingKind, string>> = {
  'arch-unsupported': 'bundle a build for the processor of the bundle',
  'interpreter-missing': 'they start only where the host has it; --include and its path bring it along',
  'library-missing': 'whatever loads these files will fail; --include brings a library along',
  'link-dangling': 'it leads somewhere only where the host has that',
  'secret-included': 'whoever can fetch the bundle can read it; --exclude leaves it out',
};

function warn(
  kind: FindingKind,
  findings: readonly Finding[],
  { closure, context }: { readonly closure: Closure; readonly context: Context },
): void {
  if (findings.length === 0) return;
  const inNix =
    kind === 'interpreter-missing' && closure.source === 'nix' ? ', patchShebangs in its build' : '';
  const ofDriver = findings.every(isOfDriver);
  context.reporter.report({
    kind: 'warning',
    stage: 'check',
    code: kind,
    message: describe(findings, shownProblems.warning).join('; '),
    hint: `${ofDriver ? driverHint : hints[kind]}${inNix}; --allow ${kind} says that it is all right`,
  });
}

function incomplete(closure: Closure, findings: readonly Finding[]): SaddlebagError {
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  return new SaddlebagError(
    'closure-incomplete',
    `cannot bundle ${closure.name}: it could not start: ${describe(findings, shownProblems.error).join('; ')}`,
    {
      hint: `${findings.some(isOfDriver) ? `${driverHint}; ` : ''}${kinds.map((kind) => `--allow ${kind}`).join(' ')} bundles it all the same`,
    },
  );
}

function isOfDriver({ kind, problem }: Finding): boolean {
  return kind === 'library-missing' && isDriverLibrary(problem);
}

/** One text for each problem, with the first files that have it. */
function describe(findings: readonly Finding[], most: number): string[] {
  const problems = [...Map.groupBy(findings, ({ problem }) => problem)];
  const texts = problems.slice(0, most).map(([problem, those]) => {
    const files = those.slice(0, shownFiles).map(({ file }) => file);
    const more = those.length > shownFiles ? ` and ${those.length - shownFiles} more` : '';
    return `${problem} (${files.join(', ')}${more})`;
  });
  return problems.length > most ? [...texts, `${problems.length - most} more of the kind`] : texts;
}
