import { explainPlacement } from './diagnosis.ts';
import { renderDuration } from './duration.ts';
import type { FieldDiff, JobDiff, PlanAnswer } from './plan-answer.ts';

const marks: Readonly<Record<string, string>> = { Added: '+', Deleted: '-', Edited: '~' };

/**
 * Renders what a plan would change, for people: the difference line by line, then what happens to each group, then
 * what the server warns of. Ends without a newline.
 */
export function renderPlan(jobId: string, plan: PlanAnswer): string {
  const diff = plan.diff.type === 'None' ? [`job "${jobId}" stays as it is`] : renderDiff(plan.diff, '');
  const updates = plan.updates
    .filter(({ counts }) => counts.length > 0)
    .map(({ group, counts }) => {
      const texts = counts.map(([name, count]) => `${name} ${count}`);
      return `group "${group}": ${texts.join(', ')}`;
    });
  const failures = plan.failures.map((failure) => `no room: ${explainPlacement(failure)}`);
  const warnings = plan.warnings === '' ? [] : [`warning: ${plan.warnings.trim().replace(/\s*\n\s*/g, ' ')}`];
  return [...diff, ...updates, ...failures, ...warnings].join('\n');
}

function renderDiff(diff: JobDiff, indent: string): string[] {
  const mark = marks[diff.type];
  if (mark === undefined) return [];
  const inner = `${indent}    `;
  const fields = diff.fields.flatMap((field) => renderField(field, inner));
  const children = diff.children.flatMap((child) => renderDiff(child, `${indent}    `));
  const name = indent === '' ? `job "${diff.name}"` : diff.name;
  return [`${indent}${mark} ${name}`, ...fields, ...children];
}

function renderField(field: FieldDiff, indent: string): string[] {
  const mark = marks[field.type];
  // What is added or taken away with nothing in it says nothing.
  if (mark === undefined || (mark !== '~' && isEmpty(field.before) && isEmpty(field.after))) return [];
  const notes = field.annotations.length === 0 ? '' : ` (${field.annotations.join(', ')})`;
  const value = { '+': showValue(field.after), '-': showValue(field.before) }[mark];
  const text = value ?? `${showValue(field.before)} → ${showValue(field.after)}`;
  return [`${indent}${mark} ${field.name}: ${text}${notes}`];
}

function isEmpty(value: string): boolean {
  return value === '' || value === '0' || value === 'false';
}

/** The server writes durations in nanoseconds; no other number of a job has ten digits. */
function showValue(value: string): string {
  return /^\d{3,}000000$/.test(value) ? renderDuration(Number(value) / 1_000_000) : `"${value}"`;
}
