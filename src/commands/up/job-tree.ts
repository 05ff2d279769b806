import { readJobSettings } from '../../../deploy/job/parse-job-settings.ts';
import type { NameOfSetting, SettingsTree } from '../../../deploy/job/settings/tree.ts';
import { type AppInForce, textOf } from '../../config/in-force.ts';
import type { Project } from '../../config/project.ts';
import {
  type BodySetting,
  emptyBody,
  originOf,
  overlayBody,
  type Setting,
  toData,
  valueFrom,
  without,
} from '../../config/setting.ts';

/** The settings of an app's job, and what each is called in messages: with file and line. */
export interface JobTree {
  readonly tree: SettingsTree;
  readonly nameOf: NameOfSetting;
}

/** Keys of `deploy` that are not the job's. */
const ownKeys = ['address', 'timeout'];

/** Keys that a job has once, whatever groups it has. */
const jobKeys = [
  'job',
  'type',
  'namespace',
  'region',
  'priority',
  'datacenters',
  'node_pool',
  'arch',
  'constraint',
  'affinity',
  'spread',
  'update',
  'periodic',
  'parameterized',
  'group_name',
];

/** What a task that runs before the others takes over from `deploy`. */
const sharedTaskKeys = ['cpu', 'cores', 'memory', 'memory_max', 'user', 'work_dir'];

/**
 * Makes the tree of settings that an app's job is read from: its first process is the main group, each other a group, and
 * what runs before them a prestart task in every group, so that no allocation starts without it.
 */
export function jobTreeOf(app: AppInForce, project: Pick<Project, 'shownFile'>): JobTree {
  const deploy = without(app.deploy, ownKeys);
  const processes = [...app.processes];
  const [first, ...others] = processes.filter(([, process]) => !runsBefore(process));
  const tasks = processes
    .filter(([, process]) => runsBefore(process))
    .map(([name, process]) => [name, prestartTask(deploy, process)] as const);
  const main = first === undefined ? deploy : overlayBody(deploy, without(first[1], ['run']));
  const groups = others.map(([name, process]) => {
    const group = overlayBody(without(deploy, [...jobKeys, 'group']), without(process, ['run']));
    return [name, withLabelled(group, 'task', tasks)] as const;
  });
  const named = bodyOf([
    ['job', valueFrom(app.name, { kind: 'default' })],
    ...(first === undefined ? [] : [['group_name', valueFrom(first[0], { kind: 'default' })] as const]),
  ]);
  const tree = withLabelled(withLabelled(overlayBody(named, main), 'task', tasks), 'group', groups);
  // fromEntries makes plain objects of the bodies, which is what the reader takes.
  return { tree: toData(tree) as SettingsTree, nameOf: (path) => nameOf(tree, path, { app, project }) };
}

/**
 * Lists what is wrong with the settings of an app's job, as far as that can be told without its bundle.
 */
export function jobProblems(app: AppInForce, project: Pick<Project, 'shownFile'>): readonly string[] {
  if (textOf(app.own, 'job_file') !== undefined) return strayProblems(app, project);
  return jobSettingsOf(app, project).problems;
}

/** Reads the settings of an app's job, as far as they are known without its bundle. */
export function jobSettingsOf(
  app: AppInForce,
  project: Pick<Project, 'shownFile'>,
): ReturnType<typeof readJobSettings> {
  const unknownBundle = { name: app.name, arch: null, interpreter: null, imageSettings: null };
  return readJobSettings(jobTreeOf(app, project), unknownBundle);
}

/** Beside a job file, nothing else shapes the job. */
function strayProblems(app: AppInForce, { shownFile }: Pick<Project, 'shownFile'>): readonly string[] {
  const ofDeploy = without(app.deploy, [...ownKeys, 'namespace', 'region']).fields.values();
  return [...ofDeploy, ...app.processes.values()].flatMap(({ from }) =>
    from.kind === 'file'
      ? [`${shownFile}:${from.line}: ${from.path.join('.')}: the job file says what the job is`]
      : [],
  );
}

function runsBefore(process: BodySetting): boolean {
  return textOf(process, 'run') === 'before';
}

function prestartTask(deploy: BodySetting, process: BodySetting): BodySetting {
  const shared = bodyOf([...deploy.fields].filter(([name]) => sharedTaskKeys.includes(name)));
  const lifecycle = bodyOf([
    ['hook', valueFrom('prestart', { kind: 'default' })],
    ['sidecar', valueFrom(false, { kind: 'default' })],
  ]);
  return overlayBody(overlayBody(shared, without(process, ['run'])), bodyOf([['lifecycle', lifecycle]]));
}

/** Adds labelled blocks to those that a body has. */
function withLabelled(
  body: BodySetting,
  type: string,
  blocks: readonly (readonly [label: string, block: BodySetting])[],
): BodySetting {
  if (blocks.length === 0) return body;
  const there = body.fields.get(type);
  const fields = new Map([...(there?.kind === 'body' ? there.fields : []), ...blocks]);
  const labelled: Setting = { ...emptyBody, fields, isLabels: true };
  return { ...body, fields: new Map([...body.fields, [type, labelled]]) };
}

function bodyOf(fields: Iterable<readonly [string, Setting]>): BodySetting {
  return { ...emptyBody, fields: new Map(fields) };
}

function nameOf(
  tree: BodySetting,
  path: readonly string[],
  { app, project }: { readonly app: AppInForce; readonly project: Pick<Project, 'shownFile'> },
): string {
  const { from, rest } = originOf(tree, path);
  if (from.kind === 'file') return `${project.shownFile}:${from.line}: ${[...from.path, ...rest].join('.')}`;
  const dotted = ['app', app.name, 'deploy', ...path].join('.');
  if (from.kind === 'environment') return `${dotted} (from ${from.variable})`;
  return `${project.shownFile}: ${dotted}`;
}
