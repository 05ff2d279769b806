import type { DeployArtifact } from '../artifact/artifact.ts';
import {
  type ArtifactFields,
  chooseArtifact,
  isCommandOf,
  isTaken,
  placeOf,
  plainFileName,
} from './artifact-place.ts';
import { type JobFile, jobFileInvalid, jobFileUnsupported } from './job-file.ts';
import type { TaskArtifact } from './task-artifact.ts';
import { assignTasks, type TaskName } from './tasks.ts';

type JsonObject = Readonly<Record<string, unknown>>;
type JsonJobFile = Extract<JobFile, { readonly format: 'api-json' }>;

/** A task of a job in the API's form, and where it stands. */
interface JsonTask extends TaskName {
  readonly groupIndex: number;
  readonly taskIndex: number;
}

/**
 * Sets artifact and command of tasks in a job of the API's form. What the job says otherwise stays; the text is written
 * anew with the indentation that it had.
 * @throws {SaddlebagError} `job-file-invalid`, `job-file-unsupported`, `task-unknown`
 */
export function setJsonArtifacts(
  file: JsonJobFile,
  artifacts: readonly TaskArtifact[],
): { readonly text: string; readonly tasks: readonly TaskName[] } {
  const chosen = assignTasks(file.name, listJsonTasks(file), artifacts);
  const job = chosen.reduce((value, one) => withArtifact(file.name, value, one), jobOf(file));
  const whole = 'Job' in file.value ? { ...file.value, Job: job } : job;
  const indent = /^\s*\{\r?\n([ \t]+)/.exec(file.text)?.[1] ?? '';
  const end = file.text.endsWith('\n') ? '\n' : '';
  return { text: JSON.stringify(whole, null, indent) + end, tasks: chosen.map(({ task }) => task) };
}

/** Returns the job of a file in the API's form, which may stand below `Job`. */
export function jobOf({ value }: JsonJobFile): JsonObject {
  return 'Job' in value ? Object(value.Job) : value;
}

function listJsonTasks(file: JsonJobFile): JsonTask[] {
  return listOf(file, jobOf(file).TaskGroups, 'TaskGroups').flatMap((group, groupIndex) =>
    listOf(file, group.Tasks, `TaskGroups[${groupIndex}].Tasks`).map((task, taskIndex) => ({
      group: textOf(group.Name) ?? '',
      name: textOf(task.Name) ?? '',
      driver: textOf(task.Driver),
      groupIndex,
      taskIndex,
    })),
  );
}

function listOf(file: JsonJobFile, value: unknown, path: string): readonly JsonObject[] {
  if (value === null || value === undefined) return [];
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null);
  if (!isList) throw jobFileInvalid(file.name, `${path}: expected a list of objects`);
  return value;
}

function withArtifact(
  name: string,
  job: JsonObject,
  {
    task: { groupIndex, taskIndex },
    artifact,
  }: { readonly task: JsonTask; readonly artifact: DeployArtifact },
): JsonObject {
  return withItem(job, 'TaskGroups', groupIndex, (group) =>
    withItem(group, 'Tasks', taskIndex, (task) => taskWith(name, task, artifact)),
  );
}

function withItem(
  value: JsonObject,
  key: string,
  index: number,
  change: (item: JsonObject) => JsonObject,
): JsonObject {
  const list = value[key] as readonly JsonObject[];
  return { ...value, [key]: list.map((item, at) => (at === index ? change(item) : item)) };
}

function taskWith(name: string, task: JsonObject, artifact: DeployArtifact): JsonObject {
  const artifacts: readonly JsonObject[] = Array.isArray(task.Artifacts) ? task.Artifacts : [];
  const config: JsonObject = Object(task.Config ?? {});
  const command = textOf(config.command);
  const fields = artifacts.map(fieldsOf);
  const fileName = plainFileName(artifact);
  const chosen = chooseArtifact(fields, { command, fileName });
  const before = chosen === undefined ? undefined : fields[chosen];
  const staysInPlace = before?.mode === 'file' && isCommandOf(command, placeOf(before));
  const place = staysInPlace ? undefined : `local/${fileName}`;
  if (place !== undefined && isTaken(fields, chosen, place)) {
    const reason = `another artifact of task ${textOf(task.Name)} lands at ${place}`;
    throw jobFileUnsupported(name, reason, { hint: 'give the other another destination' });
  }
  const set = (item: JsonObject): JsonObject => ({
    ...item,
    GetterSource: artifact.source.url,
    ...(place === undefined ? {} : { GetterMode: 'file', RelativeDest: place }),
    GetterOptions: {
      ...Object(item.GetterOptions ?? {}),
      archive: 'false',
      checksum: artifact.source.checksum,
    },
  });
  return {
    ...task,
    Artifacts:
      chosen === undefined
        ? [...artifacts, set({})]
        : artifacts.map((item, index) => (index === chosen ? set(item) : item)),
    Config: place === undefined ? config : { ...config, command: place },
  };
}

function fieldsOf(item: JsonObject): ArtifactFields {
  return {
    source: textOf(item.GetterSource),
    destination: textOf(item.RelativeDest) ?? 'local/',
    mode: textOf(item.GetterMode) ?? 'any',
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
