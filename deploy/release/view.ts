import type { CheckResult, NomadAllocation, NomadDeployment, TaskState } from '../nomad/nomad-answers.ts';
import { isUp, shortId } from './diagnosis.ts';
import { failuresOf } from './early-failure.ts';
import type { Snapshot } from './snapshot.ts';
import { belongsTo, newestDeployment, type Target } from './verdict.ts';

/** The checks of allocations, by the allocation's id. */
export type ChecksById = ReadonlyMap<string, readonly CheckResult[]>;

const maxRows = 12;

/**
 * Renders what a version looks like now, a line for its evaluation, its deployment and each task of its allocations; what
 * a terminal redraws, and `status` prints. Pure.
 */
export function renderView(target: Target, snapshot: Snapshot, checks: ChecksById): string[] {
  const own = snapshot.allocations
    .filter((one) => belongsTo(target, one) || one.jobVersion === target.jobVersion)
    .filter(({ nextAllocationId }) => nextAllocationId === '')
    .toSorted((a, b) => (a.name === b.name ? a.createIndex - b.createIndex : a.name < b.name ? -1 : 1));
  const rows = own.flatMap((allocation) => allocationRows(allocation, checks.get(allocation.id) ?? []));
  const shown = rows.length > maxRows ? rows.slice(0, maxRows - 1) : rows;
  const left = rows.length - shown.length;
  return [
    ...evaluationLine(target, snapshot),
    ...deploymentLine(newestDeployment(snapshot, target.jobVersion)),
    ...align(shown),
    ...(left > 0 ? [`… and ${left} more`] : []),
  ];
}

function evaluationLine({ jobModifyIndex }: Target, { evaluations }: Snapshot): string[] {
  const open = evaluations.find(
    (one) => one.jobModifyIndex === jobModifyIndex && (one.status === 'pending' || one.status === 'blocked'),
  );
  if (open === undefined) return [];
  return [`evaluation ${shortId(open.id)} ${open.status === 'blocked' ? 'waits for room' : 'is pending'}`];
}

function deploymentLine(deployment: NomadDeployment | null): string[] {
  if (deployment === null) return [];
  const sum = (count: (group: NomadDeployment['groups'][number]) => number) =>
    deployment.groups.reduce((total, group) => total + count(group), 0);
  const canaries = sum(({ desiredCanaries, isPromoted }) => (isPromoted ? 0 : desiredCanaries));
  const parts = [
    `${sum(({ healthy }) => healthy)} of ${sum(({ desired }) => desired)} healthy`,
    ...(canaries > 0 ? [`${canaries} canaries`] : []),
  ];
  return [`deployment ${shortId(deployment.id)} ${deployment.status}: ${parts.join(', ')}`];
}

type Row = readonly [id: string, node: string, task: string, state: string];

function allocationRows(allocation: NomadAllocation, checks: readonly CheckResult[]): Row[] {
  const { id, nodeName, clientStatus, tasks } = allocation;
  if (tasks.length === 0) return [[shortId(id), nodeName, '', clientStatus]];
  return tasks.map((task, index) => [
    index === 0 ? shortId(id) : '',
    index === 0 ? nodeName : '',
    task.name,
    [describeTask(task), ...(index === 0 ? describeHealth(allocation, checks) : [])].join(', '),
  ]);
}

/** Says what a task is doing: its state alone does not tell a download from a pause before the next start. */
function describeTask(task: TaskState): string {
  const last = task.events.at(-1);
  const failures = failuresOf(task).length;
  const times = failures > 0 ? `, failed ${failures === 1 ? 'once' : `${failures} times`}` : '';
  if (task.state === 'pending' && last !== undefined) return `${doing.get(last.type) ?? last.type}${times}`;
  if (task.state === 'dead') return task.failed ? `failed${times}` : 'complete';
  return `${task.state}${times}`;
}

const doing: ReadonlyMap<string, string> = new Map([
  ['Downloading Artifacts', 'downloading'],
  ['Failed Artifact Download', 'download failed'],
  ['Received', 'received'],
  ['Restarting', 'waits to be started again'],
  ['Task Setup', 'building the task directory'],
]);

function describeHealth(allocation: NomadAllocation, checks: readonly CheckResult[]): string[] {
  if (allocation.isHealthy !== null) return [allocation.isHealthy ? 'healthy' : 'unhealthy'];
  if (!isUp(allocation)) return [];
  return checks.map(({ check, status }) => `check "${check}" ${words.get(status) ?? status}`);
}

const words: ReadonlyMap<string, string> = new Map([
  ['success', 'passes'],
  ['failure', 'fails'],
  ['pending', 'is pending'],
]);

function align(rows: readonly Row[]): string[] {
  const width = (column: 0 | 1 | 2) => Math.max(0, ...rows.map((row) => row[column].length));
  const widths = [width(0), width(1), width(2)] as const;
  return rows.map((row) =>
    [row[0].padEnd(widths[0]), row[1].padEnd(widths[1]), row[2].padEnd(widths[2]), row[3]]
      .join('  ')
      .trimEnd(),
  );
}
