import { type PlacementFailure, placementFailure } from './nomad-answers.ts';
import { Shape } from './shape.ts';

/** What a plan says would happen. Source: Nomad, HTTP API, "Create job plan". */
export interface PlanAnswer {
  readonly jobModifyIndex: number;
  readonly diff: JobDiff;
  readonly failures: readonly PlacementFailure[];
  /** What happens to each group: `place`, `destructive-update`, … with its count. */
  readonly updates: readonly GroupUpdates[];
  readonly warnings: string;
}

/** What would happen to the allocations of one group. */
export interface GroupUpdates {
  readonly group: string;
  readonly counts: readonly (readonly [name: string, count: number])[];
}

/** One level of a plan's difference: a job, a group, a task or an object inside. */
export interface JobDiff {
  /** `None`, `Added`, `Deleted` or `Edited`. */
  readonly type: string;
  readonly name: string;
  readonly fields: readonly FieldDiff[];
  readonly children: readonly JobDiff[];
}

/** One value that would change. */
export interface FieldDiff {
  readonly type: string;
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** `forces create/destroy update`, … */
  readonly annotations: readonly string[];
}

/** Reads the answer to a plan. @throws {ShapeError} */
export function readPlan(value: unknown): PlanAnswer {
  const plan = Shape.of(value);
  const annotations = plan.optionalObject('Annotations');
  return {
    jobModifyIndex: plan.number('JobModifyIndex'),
    diff: jobDiff(plan.object('Diff')),
    failures: plan.map('FailedTGAllocs', placementFailure),
    updates: annotations?.map('DesiredTGUpdates', groupUpdates) ?? [],
    warnings: plan.optionalText('Warnings'),
  };
}

const updateNames: Readonly<Record<string, string>> = {
  Place: 'place',
  Migrate: 'migrate',
  Stop: 'stop',
  InPlaceUpdate: 'update in place',
  DestructiveUpdate: 'replace',
  Canary: 'canary',
  Preemptions: 'preempt',
  Ignore: 'leave alone',
};

function groupUpdates(updates: Shape, group: string): GroupUpdates {
  const counts = Object.entries(updateNames).map(
    ([key, name]) => [name, updates.optionalNumber(key)] as const,
  );
  return { group, counts: counts.filter(([, count]) => count > 0) };
}

function jobDiff(diff: Shape): JobDiff {
  return {
    type: diff.text('Type'),
    name: diff.optionalText('Name') || diff.optionalText('ID'),
    fields: diff.list('Fields', fieldDiff),
    children: [
      ...diff.list('Objects', jobDiff),
      ...diff.list('TaskGroups', (group) => named('group', jobDiff(group))),
      ...diff.list('Tasks', (task) => named('task', jobDiff(task))),
    ],
  };
}

function named(kind: string, diff: JobDiff): JobDiff {
  return { ...diff, name: `${kind} "${diff.name}"` };
}

function fieldDiff(field: Shape): FieldDiff {
  return {
    type: field.text('Type'),
    name: field.text('Name'),
    before: field.optionalText('Old'),
    after: field.optionalText('New'),
    annotations: field.texts('Annotations'),
  };
}
