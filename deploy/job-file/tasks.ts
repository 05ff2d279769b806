import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { blocksOf, literalTextOf } from '../../src/core/hcl/query.ts';
import type { HclBlock, HclBody, HclDocument } from '../../src/core/hcl/syntax.ts';
import type { DeployArtifact } from '../artifact/artifact.ts';
import { jobFileInvalid, jobFileUnsupported } from './job-file.ts';
import type { TaskArtifact } from './task-artifact.ts';

/** A task of a job, whatever form its file has. */
export interface TaskName {
  /** Null for a task that stands directly in the job: its group then has the task's name. */
  readonly group: string | null;
  readonly name: string;
  /** Undefined where it is computed. */
  readonly driver: string | undefined;
}

/** A task that is written out in an HCL file. */
export interface TaskBlock extends TaskName {
  readonly block: HclBlock;
}

/**
 * Lists the tasks that are written out in a job file; those that a `dynamic` block makes are not.
 * @throws {SaddlebagError} `job-file-invalid` when the file has no job, or several
 */
export function listTasks(name: string, document: HclDocument): TaskBlock[] {
  const jobs = blocksOf(document.body, 'job');
  const [job] = jobs;
  if (job === undefined) throw jobFileInvalid(name, 'it has no job block');
  if (jobs.length > 1) throw jobFileInvalid(name, 'it has more than one job block', jobs[1]?.at);
  return [
    ...tasksIn(job.body, null),
    ...blocksOf(job.body, 'group').flatMap((group) => tasksIn(group.body, group.labels[0]?.value ?? '')),
  ];
}

function tasksIn(body: HclBody, group: string | null): TaskBlock[] {
  return blocksOf(body, 'task').map((block) => ({
    group,
    name: block.labels[0]?.value ?? '',
    driver: literalTextOf(block.body, 'driver'),
    block,
  }));
}

/**
 * Chooses the task that an artifact is for: the one that `wanted` names as TASK or GROUP/TASK, else the only one that the
 * exec driver runs (or, where none is, another driver of plain programs).
 * @throws {SaddlebagError} `task-unknown` with the names of those that there are
 */
function chooseTask<T extends TaskName>(file: string, tasks: readonly T[], wanted?: string): T {
  const candidates =
    wanted === undefined ? defaultTasks(tasks) : tasks.filter((task) => isNamed(task, wanted));
  const [task] = candidates;
  if (task !== undefined && candidates.length === 1) {
    if (task.driver === undefined || programDrivers.has(task.driver)) return task;
    const reason = `task ${titleOf(task)} uses the driver ${task.driver}, which starts no program from an artifact`;
    throw taskUnknown(file, reason, 'set driver = "exec", or pass --task with another task');
  }
  const list = (task === undefined ? tasks : candidates).map(titleOf).join(', ');
  if (tasks.length === 0) {
    const hint =
      'tasks of a `dynamic` block can only be set by variable "artifact_source" and "artifact_checksum"';
    throw taskUnknown(file, 'no task is written out in it', hint);
  }
  const reasonOf = () => {
    if (wanted !== undefined && task === undefined) return `it has no task ${wanted}; it has ${list}`;
    if (wanted !== undefined) return `${wanted} names more than one task: ${list}`;
    return task === undefined
      ? `none of its tasks uses the exec driver: ${list}`
      : `it has several tasks: ${list}`;
  };
  throw taskUnknown(file, reasonOf(), 'pass --task GROUP/TASK, or --artifact TASK=FILE for each of them');
}

/**
 * Chooses the task of each artifact, as `chooseTask` does; each task gets one.
 * @throws {SaddlebagError} `task-unknown`; `job-file-unsupported` for two artifacts of one task
 */
export function assignTasks<T extends TaskName>(
  file: string,
  tasks: readonly T[],
  artifacts: readonly TaskArtifact[],
): { readonly task: T; readonly artifact: DeployArtifact }[] {
  const chosen = artifacts.map(({ task, artifact }) => ({ task: chooseTask(file, tasks, task), artifact }));
  const titles = chosen.map(({ task }) => titleOf(task));
  const twice = titles.find((title, index) => titles.indexOf(title) !== index);
  if (twice === undefined) return chosen;
  throw jobFileUnsupported(file, `two artifacts are for task ${twice}`, { hint: 'give one for each task' });
}

/** Returns `group/task`, or the task alone where it has no group. */
export function titleOf({ group, name }: TaskName): string {
  return group === null ? name : `${group}/${name}`;
}

/** Those whose command may be a file that an artifact brings. */
const programDrivers: ReadonlySet<string> = new Set(['exec', 'exec2', 'raw_exec']);

function defaultTasks<T extends TaskName>(tasks: readonly T[]): readonly T[] {
  const byExec = tasks.filter(({ driver }) => driver === 'exec');
  return byExec.length > 0
    ? byExec
    : tasks.filter(({ driver }) => driver !== undefined && programDrivers.has(driver));
}

function isNamed(task: TaskName, wanted: string): boolean {
  return task.name === wanted || `${task.group ?? task.name}/${task.name}` === wanted;
}

function taskUnknown(file: string, reason: string, hint: string): SaddlebagError {
  return new SaddlebagError('task-unknown', `cannot choose a task of ${file}: ${reason}`, {
    hint,
    exitCode: exitCodes.usage,
  });
}
