import { appendFileSync } from 'node:fs';
import { describe, inject, it } from 'vitest';
import { findTool, isRequired } from '../../../helpers/needs.ts';
import { CaseSkipped, Cell } from './cell.ts';
import type { CaseRecord } from './record.ts';
import { type Strategy, strategies, type User, users } from './strategies.ts';

export interface CaseOptions {
  /** Why the case says nothing about these strategies, by name. */
  readonly notFor?: Readonly<Record<string, string>>;
  readonly notAs?: Partial<Readonly<Record<User, string>>>;
  /** No strategy is involved, for this reason; the case runs once for each user. */
  readonly withoutStrategy?: string;
  /** Programs that it takes, or `root`. */
  readonly needs?: readonly string[];
  /** Only the full tier runs it. */
  readonly isLong?: boolean;
}

const recordFile = process.env.SADDLEBAG_CASES_RECORD;

function record(entry: CaseRecord): void {
  if (recordFile !== undefined) appendFileSync(recordFile, `${JSON.stringify(entry)}\n`);
}

/** Names the heading of runtime-cases under which the cases of a file stand. */
export function describeCases(group: string, body: (runCase: RunCase) => void): void {
  describe(group, () => {
    let defined = 0;
    body((number, title, options, test) => {
      defined += defineCase({ group, number, title }, options, test);
    });
    // A suite without a test is an error.
    if (defined === 0) it.skip('takes long: npm run test:full', () => undefined);
  });
}

export type RunCase = (
  number: number,
  title: string,
  options: CaseOptions,
  test: (cell: Cell) => Promise<void>,
) => void;

const noStrategy: Strategy = { name: 'any' };

/** Defines the tests of a case and returns how many this tier has. */
function defineCase(
  about: { readonly group: string; readonly number: number; readonly title: string },
  options: CaseOptions,
  test: (cell: Cell) => Promise<void>,
): number {
  const cells: Cell[] = [];
  for (const strategy of options.withoutStrategy === undefined ? strategies : [noStrategy]) {
    for (const user of users) {
      const reason = options.notFor?.[strategy.name] ?? options.notAs?.[user];
      if (reason === undefined) cells.push(new Cell(strategy, user));
      else record({ ...about, strategy: strategy.name, user, outcome: 'not applicable', reason });
    }
  }
  if (inject('tier') === 'quick' && options.isLong === true) return 0;
  const chosen = inject('tier') === 'full' ? cells : representatives(cells);
  for (const cell of chosen) {
    const entry = { ...about, strategy: cell.strategy.name, user: cell.user };
    it(`case ${about.number}: ${about.title} (${cell.strategy.name}, ${cell.user})`, async (context) => {
      let outcome: CaseRecord['outcome'] = 'failed';
      let reason: string | undefined;
      try {
        reason = missing(cell, options.needs ?? []);
        if (reason !== undefined) throw new CaseSkipped(reason);
        await test(cell);
        outcome = 'passed';
      } catch (cause) {
        if (!(cause instanceof CaseSkipped)) throw cause;
        outcome = 'skipped';
        reason = cause.message;
        context.skip(reason);
      } finally {
        record({ ...entry, outcome, ...(reason === undefined ? {} : { reason }) });
      }
    });
  }
  return chosen.length;
}

let turn = 0;

/** The common start, and one of the others, each case another. */
function representatives(cells: readonly Cell[]): readonly Cell[] {
  const common = cells.find(({ strategy, user }) => strategy.name === 'namespace' && user === 'user');
  const others = cells.filter((cell) => cell !== common);
  const other = others[turn++ % others.length];
  return [common, other].filter((cell) => cell !== undefined);
}

/** Says what a cell lacks here; what the run must have fails it instead. */
function missing(cell: Cell, needs: readonly string[]): string | undefined {
  const isSuperuser = process.getuid?.() === 0;
  const takesRoot = cell.isRoot || cell.strategy.root !== undefined || cell.strategy.prepare !== undefined;
  const tools = [...new Set([...needs, ...(takesRoot ? ['root'] : [])])];
  const lacking = tools.filter((name) => (name === 'root' ? !isSuperuser : findTool(name) === undefined));
  if (lacking.length === 0) return undefined;
  const reason = `${lacking.join(', ')} missing`;
  if (lacking.some(isRequired)) throw new Error(reason);
  return reason;
}
