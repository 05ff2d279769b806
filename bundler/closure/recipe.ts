import { glob } from 'node:fs/promises';
import { dirname } from 'node:path';
import { compareBytes } from '../../src/core/files.ts';
import type { EnvPolicy } from '../../src/core/types.ts';
import { type LibraryRecipe, libraryRecipes } from './library-recipes.ts';
import { type NeededFiles, type Recipe, recipes } from './recipes.ts';

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

/** The tables that needs are looked up in. */
export interface RecipeTables {
  readonly programs: readonly Recipe[];
  readonly libraries: readonly LibraryRecipe[];
}

/**
 * Finds the recipe of a program, by its real path, or else those of the libraries that it asks for, and what of them is
 * there on this machine; nothing where it has none.
 */
export async function findNeeds(
  program: string,
  libraries: readonly string[],
  tables: RecipeTables = { programs: recipes, libraries: libraryRecipes },
): Promise<ProgramNeeds> {
  for (const recipe of tables.programs) {
    const match = new RegExp(`^.*?(?:${recipe.program.source})$`).exec(program);
    if (match === null) continue;
    return {
      ...(await findFiles(recipe, program, match)),
      findsItselfByName: recipe.findsItselfByName ?? false,
      helpers: recipe.helpers ?? [],
    };
  }
  const found: FoundFiles[] = [];
  for (const recipe of tables.libraries) {
    const pattern = new RegExp(`^(?:${recipe.library.source})$`);
    const match = libraries.map((name) => pattern.exec(name)).find((one) => one !== null);
    if (match != null) found.push(await findFiles(recipe, program, match));
  }
  return {
    paths: found.flatMap(({ paths }) => paths),
    fixed: found.flatMap(({ fixed }) => fixed),
    without: new Set(found.flatMap(({ without }) => [...without])),
    variables: found.flatMap(({ variables }) => variables),
    findsItselfByName: false,
    helpers: [],
  };
}

type FoundFiles = Pick<ProgramNeeds, 'paths' | 'fixed' | 'without' | 'variables'>;

async function findFiles(needed: NeededFiles, program: string, match: RegExpExecArray): Promise<FoundFiles> {
  const expand = (patterns: readonly string[]) => expandAll(patterns, program, match);
  const variables: NeededVariable[] = [];
  for (const { name, policy, paths } of needed.env ?? []) {
    const found = await expand(paths);
    if (found.length > 0) variables.push({ name, policy, paths: found });
  }
  return {
    paths: await expand(needed.paths),
    fixed: await expand(needed.fixed ?? []),
    without: new Set(await expand(needed.without ?? [])),
    variables,
  };
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
