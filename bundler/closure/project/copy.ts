import { cp, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { unreadable } from '../unreadable.ts';
import type { Workplace } from '../workplace.ts';

/** What lies in a project and is no part of the app: histories, caches of tools, environments of this machine, bundles. */
const leftovers = new Set([
  '.git',
  '.hg',
  '.svn',
  '.direnv',
  '.idea',
  '.vscode',
  '.venv',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.pytest_cache',
  '.saddlebag',
  '.ruff_cache',
  '.DS_Store',
  '__pycache__',
  'node_modules',
]);

/** Files of a developer's machine that hold credentials: a bundle is published. */
const secrets = /^(\.env(\.(?!example$|sample$|template$).+)?|\.npmrc|\.yarnrc(\.yml)?|\.pypirc|\.netrc)$/;

/** What is copied of a project. */
export interface CopyOptions {
  /** `app`: what runs. `build`: also what a build may ask for, the history and the settings of installers. */
  readonly purpose: 'app' | 'build';
  /** Paths relative to the project that are left out too. */
  readonly without?: ReadonlySet<string>;
}

/**
 * Copies a project without what tools and editors leave in it. Links are kept as they are.
 * @returns paths of files that were left out of an app because they hold credentials by their name
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function copyProject(
  source: string,
  target: string,
  { purpose, without }: CopyOptions,
): Promise<readonly string[]> {
  const withheld: string[] = [];
  const isTaken = async (file: string): Promise<boolean> => {
    const name = basename(file);
    const path = relative(source, file);
    if (path === '') return true;
    if (without?.has(path)) return false;
    if (purpose === 'app' && secrets.test(name)) {
      withheld.push(path);
      return false;
    }
    if (leftovers.has(name)) return purpose === 'build' && name === '.git';
    // A virtual environment goes by any name; this file makes it one.
    return (await stat(join(file, 'pyvenv.cfg')).catch(() => undefined)) === undefined;
  };
  await cp(source, target, { recursive: true, verbatimSymlinks: true, filter: isTaken }).catch(
    (cause: unknown) => {
      throw unreadable(source, cause);
    },
  );
  return withheld.sort();
}

/** Warns of files that were left out for what they may hold. */
export function reportWithheld(withheld: readonly string[], { context }: Workplace): void {
  if (withheld.length === 0) return;
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'secrets-left-out',
    message: `left out, since such files hold credentials: ${withheld.join(', ')}`,
    hint: 'give the app its settings with --env, or by the environment that starts it',
  });
}
