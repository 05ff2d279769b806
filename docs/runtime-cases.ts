/*
 * Writes docs/runtime-cases.md: what every case of the runtime came to under each strategy, as root and as a user. Runs
 * the cases itself, all of them, which takes a while: `npm run docs:cases`. `--from FILE` takes the records of a run
 * before, one JSON object a line.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseRecord } from '../test/integration/runtime/cases/record.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs', 'runtime-cases.md');
const casesDirectory = 'test/integration/runtime/cases';
const command = 'npm run docs:cases';

const marks: Readonly<Record<CaseRecord['outcome'], string>> = {
  passed: '✓',
  failed: '✗',
  skipped: 'skip',
  'not applicable': '–',
};

/** A case as a row: the records of one number and title. */
interface Row {
  readonly number: number;
  readonly title: string;
  readonly records: readonly CaseRecord[];
}

function readRecords(): readonly CaseRecord[] {
  const [flag, file] = process.argv.slice(2);
  if (flag === '--from' && file !== undefined) return parseRecords(readFileSync(file, 'utf8'));
  const directory = mkdtempSync(join(tmpdir(), 'saddlebag-cases-'));
  const records = join(directory, 'records.jsonl');
  writeFileSync(records, '');
  const vitest = join(root, 'node_modules', '.bin', 'vitest');
  const words = [`SADDLEBAG_CASES_RECORD=${records}`, vitest, 'run', '--project', 'full', casesDirectory];
  spawnSync('env', words, { cwd: root, stdio: 'inherit' });
  const parsed = parseRecords(readFileSync(records, 'utf8'));
  rmSync(directory, { recursive: true });
  return parsed;
}

function parseRecords(text: string): readonly CaseRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CaseRecord);
}

function rowsOf(records: readonly CaseRecord[]): readonly Row[] {
  const byTitle = Map.groupBy(records, ({ number, title }) => `${number}: ${title}`);
  return [...byTitle.values()]
    .flatMap((each) => (each[0] === undefined ? [] : [{ ...each[0], records: each }]))
    .sort((one, other) => one.number - other.number);
}

/** Footnotes of one table: a reason gets a number the first time that it is seen. */
class Notes {
  readonly #reasons: string[] = [];

  mark(reason: string): string {
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason);
    return `<sup>${this.#reasons.indexOf(reason) + 1}</sup>`;
  }

  render(): readonly string[] {
    return this.#reasons.map((reason, index) => `${index + 1}. ${reason}`);
  }
}

function renderCell(records: readonly CaseRecord[], strategy: string, notes: Notes): string {
  const words = (['root', 'user'] as const).map((user) => {
    const found = records.find((each) => each.strategy === strategy && each.user === user);
    if (found === undefined) return 'not run';
    return marks[found.outcome] + (found.reason === undefined ? '' : notes.mark(found.reason));
  });
  return words[0] === words[1] ? (words[0] ?? '') : words.join(' / ');
}

function renderTable(rows: readonly Row[], strategies: readonly string[]): readonly string[] {
  if (rows.length === 0) return [];
  const notes = new Notes();
  const heads = strategies.map((name) => (name === 'any' ? 'no strategy involved' : `\`${name}\``));
  const lines = rows.map(
    ({ number, title, records }) =>
      `| ${number} | ${title.replaceAll('|', '\\|')} | ${strategies.map((name) => renderCell(records, name, notes)).join(' | ')} |`,
  );
  return [
    `| | case | ${heads.join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(strategies.length)}`,
    ...lines,
    '',
    ...notes.render(),
    '',
  ];
}

/** The strategies in the order in which the cases run them, which is that of the runtime's choice. */
function strategiesOf(records: readonly CaseRecord[]): readonly string[] {
  return [...new Set(records.map(({ strategy }) => strategy))]
    .filter((name) => name !== 'any')
    .sort(byChoice);
}

function byChoice(one: string, other: string): number {
  const order = ['native', 'in-place', 'namespace', 'lazy', 'relocate'];
  return order.indexOf(one) - order.indexOf(other);
}

function renderGroup(group: string, records: readonly CaseRecord[]): readonly string[] {
  const rows = rowsOf(records);
  const isAny = (row: Row): boolean => row.records.every(({ strategy }) => strategy === 'any');
  return [
    `## ${group}`,
    '',
    ...renderTable(
      rows.filter((row) => !isAny(row)),
      strategiesOf(records),
    ),
    ...renderTable(rows.filter(isAny), ['any']),
  ];
}

function git(...words: readonly string[]): string {
  return spawnSync('git', words, { cwd: root, encoding: 'utf8' }).stdout.trim();
}

function renderPage(records: readonly CaseRecord[]): string {
  const count = (outcome: CaseRecord['outcome']): number =>
    records.filter((each) => each.outcome === outcome).length;
  const groups = [...Map.groupBy(records, ({ group }) => group)].sort(
    ([, one], [, other]) => (one[0]?.number ?? 0) - (other[0]?.number ?? 0),
  );
  const machine = spawnSync('uname', ['-sr'], { encoding: 'utf8' }).stdout.trim();
  return [
    '# What the runtime survives',
    '',
    `Made by \`${command}\` on ${new Date().toISOString().slice(0, 10)} from commit ${git('rev-parse', '--short', 'HEAD')}, on ${machine}.`,
    'A cell is a case under one strategy, as root / as a user; one mark where both are the same.',
    `✓ passed (${count('passed')}), ✗ failed (${count('failed')}), skip: could not run here (${count('skipped')}), – does not apply (${count('not applicable')}); the notes below each table say why.`,
    '`npm test` runs two cells of each case, `npm run test:full` all of them.',
    '',
    ...groups.flatMap(([group, each]) => renderGroup(group, each)),
  ].join('\n');
}

const records = readRecords();
writeFileSync(page, `${renderPage(records).trimEnd()}\n`);
process.exitCode = records.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
