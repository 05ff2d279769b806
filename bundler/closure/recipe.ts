import { glob } from 'node:fs/promises';
import { dirname } from 'node:path';
import { compareBytes } from '../../src/core/files.ts';
import type { EnvPolicy } from '../../src/core/types.ts';
import { type Recipe, recipes } from './recipes.ts';

/** What a recipe says of one program on this machine. */
export interface ProgramNeeds {
  /** Files and directories that it needs besides its libraries. */
  readonly paths: readonly string[];
  /** Those that it needs at the very paths that they have here. */
  readonly fixed: readonly string[];
  /** What of them stays out. */
  readonly without: ReadonlySet<string>;
  readonly variables: readonly NeededVariable[];
  readonly findsItselfByName: boolean;
  /** Programs that it starts by their paths. */
  readonly helpers: readonly string[];
}

/** A variable that names files of this machine by their places in the store path. */
export interface NeededVariable {
  readonly name: string;
  readonly policy: EnvPolicy;
  readonly paths: readonly string[];
}

/**
 * Returns the directory that stands for the top of a program's store path: what holds its `bin`, else its own.
 */
export function programPrefix(program: string): string {
  const directory = dirname(program);
  return /\/s?bin$/.test(directory) ? dirname(directory) : directory;
}

/**
 * Finds the recipe of a program, by its real path, and what of it is there on this machine; nothing where it has none.
 */
export async function findNeeds(program: string, table: readonly Recipe[] = recipes): Promise<ProgramNeeds> {
  for (const recipe of table) {
    const match = new RegExp(`^.*?(?:${recipe.program.source})$`).exec(program);
    if (match === null) continue;
    const expand = (patterns: readonly string[]) => expandAll(patterns, program, match);
    const variables: NeededVariable[] = [];
    for (const { name, policy, paths } of recipe.env ?? []) {
      const found = await expand(paths);
      if (found.length > 0) variables.push({ name, policy, paths: found });
    }
    return {
      paths: await expand(recipe.paths),
      fixed: await expand(recipe.fixed ?? []),
      without: new Set(await expand(recipe.without ?? [])),
      variables,
      findsItselfByName: recipe.findsItselfByName ?? false,
      helpers: recipe.helpers ?? [],
    };
  }
  return { paths: [], fixed: [], without: new Set(), variables: [], findsItselfByName: false, helpers: [] };
}

async function expandAll(
  patterns: readonly string[],
  program: string,
  match: RegExpExecArray,
): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const full = pattern
      .replaceAll('{prefix}', escapeGlob(programPrefix(program)))
      .replaceAll(/\{(\d)\}/g, (_, group) => escapeGlob(match[Number(group)] ?? ''));
    for (const path of (await Array.fromAsync(glob(full))).sort(compareBytes)) found.add(path);
  }
  return [...found];
}

/** Node's glob takes no backslash, but a class of one character. */
function escapeGlob(path: string): string {
  return path.replaceAll(/[*?[{(]/g, '[$&]');
}
