import { SaddlebagError } from '../../src/core/errors.ts';
import type { JobDiff, PlanAnswer } from '../nomad/plan-answer.ts';

/** What a new version of the same app changes in an artifact. */
const artifactFields: ReadonlySet<string> = new Set(['GetterSource', 'GetterOptions[checksum]']);

/** Tells whether a plan would change the job at all. */
export function changesJob({ diff }: PlanAnswer): boolean {
  return diff.type !== 'None';
}

/**
 * Refuses a plan that changes more than sources and checksums of artifacts, and lists what.
 * @throws {SaddlebagError} `plan-too-wide`
 */
export function checkOnlyArtifact(jobId: string, { diff }: PlanAnswer): void {
  const [first, ...more] = otherChanges(diff, '');
  if (first === undefined) return;
  const rest = more.length > 8 ? [...more.slice(0, 8), `${more.length - 8} more`] : more;
  throw new SaddlebagError(
    'plan-too-wide',
    `cannot deploy ${jobId}: more than the artifact would change: ${[first, ...rest].join(', ')}`,
    { hint: 'look at it with --plan, and leave out --only-artifact if it is meant' },
  );
}

function otherChanges(diff: JobDiff, path: string): string[] {
  if (diff.type === 'None') return [];
  if (diff.type !== 'Edited') return [`${path || 'job'} (${diff.type.toLowerCase()})`];
  const isArtifact = diff.name === 'Artifact';
  const fields = diff.fields
    .filter(({ type, name }) => type !== 'None' && !(isArtifact && artifactFields.has(name)))
    .map(({ name }) => join(path, name));
  return [...fields, ...diff.children.flatMap((child) => otherChanges(child, join(path, child.name)))];
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`;
}
