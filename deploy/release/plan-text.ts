import { printable } from '../../src/core/printable.ts';
import { renderDuration } from '../job/duration.ts';
import type { FieldDiff, JobDiff, PlanAnswer } from '../nomad/plan-answer.ts';
import { explainPlacement } from './diagnosis.ts';
import { isSecretField, withoutSecretsInUrls } from './plan-secrets.ts';

/** Makes a part of a plan stand out: what is added, taken away, changed, or only said beside. */
export type Paint = (style: 'added' | 'deleted' | 'edited' | 'note', text: string) => string;

const marks: ReadonlyMap<string, '+' | '-' | '~'> = new Map([
  ['Added', '+'],
  ['Deleted', '-'],
  ['Edited', '~'],
]);
const styles = { '+': 'added', '-': 'deleted', '~': 'edited' } as const;
const plain: Paint = (_, text) => text;

/**
 * Renders what a plan would change, for people: the difference line by line, then what happens to each group, then
 * what the server warns of. Ends without a newline.
 */
export function renderPlan(jobId: string, plan: PlanAnswer, paint: Paint = plain): string {
  const diff =
    plan.diff.type === 'None' ? [`job "${jobId}" stays as it is`] : renderDiff(plan.diff, '', paint);
  const failures = plan.failures.map((failure) => paint('deleted', `no room: ${explainPlacement(failure)}`));
  const warnings =
    plan.warnings === ''
      ? []
      : [`${paint('edited', 'warning:')} ${printable(plan.warnings.trim().replace(/\s*\n\s*/g, ' '))}`];
  return [...diff, ...renderUpdates(plan), ...failures, ...warnings].join('\n');
}

/** Says what would happen to the allocations of each group, a line each. */
export function renderUpdates({ updates }: PlanAnswer): string[] {
  return updates
    .filter(({ counts }) => counts.length > 0)
    .map(({ group, counts }) => {
      const replaces = counts.some(([name]) => name === 'replace');
      // The plan is that of the first step: what max_parallel holds back is replaced later.
      const texts = counts.map(([name, count]) =>
        replaces && name === 'leave alone' ? `${name} ${count} for now` : `${name} ${count}`,
      );
      return `group "${group}": ${texts.join(', ')}`;
    });
}

function renderDiff(diff: JobDiff, indent: string, paint: Paint): string[] {
  const mark = marks.get(diff.type);
  if (mark === undefined) return [];
  const inner = `${indent}    `;
  const fields = diff.fields.flatMap((field) => renderField(field, inner, paint));
  const children = diff.children.flatMap((child) => renderDiff(child, `${indent}    `, paint));
  const name = indent === '' ? `job "${diff.name}"` : diff.name;
  return [`${indent}${paint(styles[mark], mark)} ${printable(name)}`, ...fields, ...children];
}

function renderField(field: FieldDiff, indent: string, paint: Paint): string[] {
  const mark = marks.get(field.type);
  // What is added or taken away with nothing in it says nothing.
  if (mark === undefined || (mark !== '~' && isEmpty(field.before) && isEmpty(field.after))) return [];
  const annotations = printable(field.annotations.join(', '));
  const notes = annotations === '' ? '' : paint('note', ` (${annotations})`);
  const head = `${indent}${paint(styles[mark], mark)} ${printable(field.name)}:`;
  if (isSecretField(field.name)) return [`${head} (not shown)${notes}`];
  if (mark === '~' && (field.before.includes('\n') || field.after.includes('\n'))) {
    return [`${head}${notes}`, ...renderLines(field, `${indent}    `, paint)];
  }
  const value = { '+': showValue(field.after), '-': showValue(field.before), '~': undefined }[mark];
  return [`${head} ${value ?? `${showValue(field.before)} → ${showValue(field.after)}`}${notes}`];
}

/** Shows which lines of a text change (a template's), with one line before and behind. */
function renderLines({ before, after }: FieldDiff, indent: string, paint: Paint): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  const shorter = Math.min(old.length, now.length) - start;
  while (end < shorter && old.at(-1 - end) === now.at(-1 - end)) end++;
  const row = (mark: string, line: string) => `${indent}${mark} ${printable(withoutSecretsInUrls(line))}`;
  return [
    ...old.slice(Math.max(0, start - 1), start).map((line) => row(' ', line)),
    ...old.slice(start, old.length - end).map((line) => paint('deleted', row('-', line))),
    ...now.slice(start, now.length - end).map((line) => paint('added', row('+', line))),
    ...old.slice(old.length - end, old.length - end + 1).map((line) => row(' ', line)),
  ];
}

function isEmpty(value: string): boolean {
  return value === '' || value === '0' || value === 'false';
}

/** The server writes durations in nanoseconds; no other number of a job has ten digits. */
function showValue(value: string): string {
  return /^\d{3,}000000$/.test(value)
    ? renderDuration(Number(value) / 1_000_000)
    : `"${printable(withoutSecretsInUrls(value))}"`;
}
