import { SaddlebagError } from '../../src/core/errors.ts';
import { readHclValues } from '../../src/core/hcl/values.ts';
import type { DeployArtifact } from '../artifact/artifact.ts';
import { HclEditor } from './edit.ts';
import { type JobFile, jobFileUnsupported } from './job-file.ts';
import { setJsonArtifacts } from './json-job.ts';
import { setArtifact } from './set-artifact.ts';
import type { TaskArtifact } from './task-artifact.ts';
import { assignTasks, listTasks, type TaskName, titleOf } from './tasks.ts';
import { artifactValues, takesArtifact } from './variables.ts';

/** A job file with its artifacts in it. */
export interface RenderedJobFile {
  readonly file: JobFile;
  /** What is to be submitted. */
  readonly text: string;
  /** Values for the variables by which the file takes its artifact, as HCL; empty where the text itself was edited. */
  readonly values: ReadonlyMap<string, string>;
  /** What was done, for people. */
  readonly note: string;
}

/**
 * Puts artifacts into a job file: by its variables `artifact_source` and `artifact_checksum` where it declares them and no
 * task is named, else into the tasks themselves. Every other byte of the file stays.
 * @throws {SaddlebagError} `job-file-invalid`, `job-file-unsupported`, `task-unknown`
 */
export async function renderJobFile(
  file: JobFile,
  artifacts: readonly TaskArtifact[],
): Promise<RenderedJobFile> {
  const [first] = artifacts;
  if (first !== undefined && artifacts.length === 1 && first.task === undefined && takesArtifact(file)) {
    const values = artifactValues(file, first.artifact);
    const note = `${file.name} takes the artifact by ${[...values.keys()].join(' and ')}`;
    return { file, text: file.text, values, note };
  }
  if (file.format === 'hcl-json') {
    throw jobFileUnsupported(file.name, 'it is HCL in JSON form, which is only read by variables');
  }
  const { text, tasks } =
    file.format === 'api-json' ? setJsonArtifacts(file, artifacts) : await setHclArtifacts(file, artifacts);
  const note = `${file.name}: artifact and command of ${tasks.map((task) => `task ${titleOf(task)}`).join(', ')}`;
  return { file, text, values: new Map(), note };
}

async function setHclArtifacts(
  file: Extract<JobFile, { readonly format: 'hcl' }>,
  artifacts: readonly TaskArtifact[],
): Promise<{ readonly text: string; readonly tasks: readonly TaskName[] }> {
  const chosen = assignTasks(file.name, listTasks(file.name, file.document), artifacts);
  const editor = new HclEditor(file.document);
  for (const { task, artifact } of chosen) {
    setArtifact({ name: file.name, document: file.document, editor }, task, artifact);
  }
  const text = editor.result();
  await checkEdit(file, text, chosen);
  return { text, tasks: chosen.map(({ task }) => task) };
}

/**
 * Has HCL's own parser tell that an edit changed artifact and command of the chosen tasks, and nothing else. A file that
 * it does not know how to read is left to the server.
 */
async function checkEdit(
  file: JobFile,
  text: string,
  chosen: readonly { readonly task: TaskName; readonly artifact: DeployArtifact }[],
): Promise<void> {
  const before = await readHclValues(file.text);
  if (before === null) return;
  const after = await readHclValues(text);
  const sameTasks = chosen.every(({ task, artifact }) => {
    const [from, to] = [taskValues(before, task)[0], taskValues(after, task)[0]];
    return from !== undefined && to !== undefined && differsInArtifact(from, to, artifact);
  });
  if (after !== null && sameTasks && withoutParts(before, chosen) === withoutParts(after, chosen)) return;
  throw new SaddlebagError(
    'job-file-unsupported',
    `cannot set the artifact in ${file.name}: more than it would change`,
    {
      hint: 'please report the file; variable "artifact_source" and "artifact_checksum" need no edit',
    },
  );
}

type Values = Readonly<Record<string, unknown>> | null;

/** Tells whether a task has the new artifact, and of its others all but the one that this replaces. */
function differsInArtifact(before: TaskValues, after: TaskValues, { source }: DeployArtifact): boolean {
  const [old, now] = [before, after].map(({ artifact }) =>
    (artifact ?? []).map((one) => JSON.stringify(one)),
  );
  const others = (now ?? []).filter((text) => !text.includes(source.checksum));
  const isSet = others.length === (now ?? []).length - 1;
  return isSet && others.every((text) => old?.includes(text)) && others.length >= (old ?? []).length - 1;
}

/** Writes a file's values without artifacts and command of the chosen tasks. */
function withoutParts(values: Values, chosen: readonly { readonly task: TaskName }[]): string {
  const changed = new Set<unknown>(chosen.flatMap(({ task }) => taskValues(values, task)));
  return JSON.stringify(values, (_, value: unknown) => {
    if (!changed.has(value)) return value;
    const { artifact: _artifact, config, ...rest } = value as TaskValues;
    const settings = (config ?? []).map(({ command: _command, ...kept }) => kept);
    return { ...rest, settings: settings.length === 0 ? [{}] : settings };
  });
}

interface TaskValues {
  readonly artifact?: readonly unknown[];
  readonly config?: readonly Readonly<Record<string, unknown>>[];
}

/** Finds a task's values: job, then group unless the task has none, then task, each a list below its label. */
function taskValues(values: Values, { group, name }: TaskName): TaskValues[] {
  const jobs = Object.values((values?.job ?? {}) as Readonly<Record<string, unknown>>).flat();
  const groups = group === null ? jobs : jobs.flatMap((job) => below(job, 'group', group));
  return groups.flatMap((one) => below(one, 'task', name)) as TaskValues[];
}

function below(value: unknown, type: string, label: string): readonly unknown[] {
  const blocks = Object(Object(value)[type])[label];
  return Array.isArray(blocks) ? blocks : [];
}
