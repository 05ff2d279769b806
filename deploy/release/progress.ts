import type { NomadAllocation, NomadDeployment, NomadEvaluation, TaskState } from '../nomad/nomad-answers.ts';
import { describeEvent, explainPlacement, shortId } from './diagnosis.ts';
import type { Snapshot } from './snapshot.ts';

/** One line of a watch: a step of the release, or a detail of one allocation. */
export interface ProgressLine {
  readonly kind: 'step' | 'detail';
  readonly message: string;
  /** `renderView` shows it too. */
  readonly inView?: true;
}

/** What every start goes through; only what is out of the ordinary is shown. */
const ordinaryEvents: ReadonlySet<string> = new Set(['Received', 'Task Setup']);

/**
 * Describes what happened to a version and those after it between two states of its job; from nothing when `before` is
 * null.
 */
export function describeProgress(
  before: Snapshot | null,
  after: Snapshot,
  sinceVersion: number,
): ProgressLine[] {
  const isNew = ({ jobVersion }: { readonly jobVersion: number }) => jobVersion >= sinceVersion;
  const deployments = after.deployments
    .filter(isNew)
    .toSorted((a, b) => a.createIndex - b.createIndex)
    .flatMap((deployment) =>
      deploymentLines(
        before?.deployments.find(({ id }) => id === deployment.id),
        deployment,
      ),
    );
  const allocations = after.allocations
    .filter(isNew)
    .toSorted((a, b) => a.createIndex - b.createIndex || (a.name < b.name ? -1 : 1))
    .flatMap((allocation) =>
      allocationLines(
        before?.allocations.find(({ id }) => id === allocation.id),
        allocation,
      ),
    );
  return [...waitingLines(before, after), ...deployments, ...allocations];
}

/** What waits for room is seen in a view; elsewhere nothing would be told until there is some. */
function waitingLines(before: Snapshot | null, { job, evaluations }: Snapshot): ProgressLine[] {
  const known = new Set(before?.evaluations.filter(isBlocked).map(({ id }) => id));
  return evaluations
    .filter((one) => isBlocked(one) && !known.has(one.id) && one.jobModifyIndex === job?.jobModifyIndex)
    .map(({ failures }) => {
      const reasons = failures.map(explainPlacement).join('; ');
      return { kind: 'step', message: `waits for room${reasons === '' ? '' : `: ${reasons}`}` };
    });
}

function isBlocked({ status }: NomadEvaluation): boolean {
  return status === 'blocked';
}

function deploymentLines(before: NomadDeployment | undefined, after: NomadDeployment): ProgressLine[] {
  const text = describeDeployment(after);
  return before !== undefined && describeDeployment(before) === text ? [] : [{ kind: 'step', message: text }];
}

function describeDeployment({ id, jobVersion, status, groups }: NomadDeployment): string {
  const counts = groups.map(({ name, desired, placed, healthy, unhealthy }) => {
    const which = groups.length === 1 ? '' : `${name} `;
    const bad = unhealthy === 0 ? '' : `, ${unhealthy} unhealthy`;
    return `${which}${healthy} of ${desired} healthy, ${placed} placed${bad}`;
  });
  const next = status === 'paused' ? [`goes on with nomad deployment resume ${id}`] : [];
  return `version ${jobVersion}, deployment ${shortId(id)}: ${[status, ...counts, ...next].join('; ')}`;
}

function allocationLines(before: NomadAllocation | undefined, after: NomadAllocation): ProgressLine[] {
  const lines: string[] = [];
  if (before === undefined) lines.push(`allocation ${shortId(after.id)} on ${after.nodeName}`);
  for (const task of after.tasks) {
    const known = before?.tasks.find(({ name }) => name === task.name);
    lines.push(
      ...newEvents(known, task).map((event) => `${shortId(after.id)} ${task.name}: ${describeEvent(event)}`),
    );
  }
  return lines.map((message) => ({ kind: 'detail', message, inView: true }));
}

function newEvents(before: TaskState | undefined, after: TaskState) {
  const lastTime = before?.events.at(-1)?.time ?? 0;
  return after.events.filter(({ type, time }) => time > lastTime && !ordinaryEvents.has(type));
}
