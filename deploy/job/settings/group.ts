import type { DeployArtifact } from '../../artifact/artifact.ts';
import {
  type GroupSettings,
  isOnEveryNode,
  type JobType,
  type PortSettings,
  type SecretSettings,
  type TaskSettings,
} from '../job-settings.ts';
import { nameForm, plainName } from './forms.ts';
import { imageKillSignal, imagePort } from './image.ts';
import { readNetwork, readServices } from './network.ts';
import { readConstraints, readPreferences } from './placement.ts';
import type { SettingsReader } from './reader.ts';
import { readEphemeralDisk, readVolumes } from './storage.ts';
import { readTask, type TaskDefaults } from './task.ts';
import { readReschedule, readRestart } from './timing.ts';

/** What a bundle says of how it wants to be run. */
export type BundleFacts = Pick<DeployArtifact, 'interpreter' | 'imageSettings'>;

/** What a group knows of its job. */
export interface GroupContext {
  readonly jobId: string;
  readonly type: JobType;
  readonly fileName: string;
  readonly bundle: BundleFacts;
}

/**
 * Reads a group: its own settings, and beside them those of its main task. Further tasks are `task` blocks. Its
 * constraints, affinities and spreads are left empty: of the main group, the job has them.
 */
export function readGroup(body: SettingsReader, name: string, context: GroupContext): GroupSettings {
  const network = readNetwork(body, imagePort(context.bundle.imageSettings));
  const ports = network?.ports ?? [];
  const { volumes, mounts } = readVolumes(body);
  const services = readServices(body, serviceBase(context.jobId, name, body), ports);
  const main = readTask(body, {
    name: body.text('task_name', nameForm) ?? name,
    jobId: context.jobId,
    fileName: context.fileName,
    killSignal: imageKillSignal(context.bundle.imageSettings) ?? 'SIGTERM',
    // Who found the service just now is still served, after it left the list and before it is stopped.
    shutdownDelayMs: services.length === 0 ? null : 3_000,
    user: null,
    env: knownEnv(context.bundle, ports),
    secrets: {},
    volumes,
    volumeMounts: mounts,
  });
  return {
    name,
    count: readCount(body, context.type),
    restart: readRestart(body),
    reschedule: readReschedule(body, context.type),
    ephemeralDisk: readEphemeralDisk(body),
    network,
    volumes,
    services,
    tasks: inOrder([main, ...readFurtherTasks(body, main, { volumes, ...context })]),
    constraints: [],
    affinities: [],
    spreads: [],
  };
}

/** Reads a `group` block, with the conditions that are its own. */
export function readFurtherGroup(body: SettingsReader, name: string, context: GroupContext): GroupSettings {
  const group = readGroup(body, name, context);
  const placed = {
    ...group,
    constraints: readConstraints(body),
    ...readPreferences(body, context.type),
  };
  body.end();
  return placed;
}

/** Two groups of a job are two services: all but the first are called after the group too. */
function serviceBase(jobId: string, name: string, body: SettingsReader): string {
  return body.path.length === 0 || body.path.at(-2) !== 'group' ? jobId : `${jobId}-${name}`;
}

function readCount(body: SettingsReader, type: JobType): number | null {
  const count = body.number('count', { min: 0, max: 100_000 });
  if (count === null || !isOnEveryNode(type)) return count;
  if (count > 1) body.problem('count', `a ${type} job runs once on every node that it may`);
  return null;
}

/** What the app is told without being asked for: its port, and to Python to keep nothing in a buffer. */
function knownEnv({ interpreter }: BundleFacts, [port]: readonly PortSettings[]): Record<string, string> {
  return {
    ...(port === undefined ? {} : { PORT: `\${NOMAD_PORT_${port.label}}` }),
    // What Python prints stays in a buffer when stdout is a file, so a crash would lose its last words.
    ...(interpreter?.startsWith('python') ? { PYTHONUNBUFFERED: '1' } : {}),
  };
}

function readFurtherTasks(
  body: SettingsReader,
  main: TaskSettings,
  context: Pick<GroupContext, 'jobId' | 'fileName' | 'bundle'> & Pick<TaskDefaults, 'volumes'>,
): readonly TaskSettings[] {
  return body.labelled('task').map(([name, block]) => {
    block.checkText([], name, nameForm);
    if (name === main.name) block.problems.add(block.path, 'the main task is called so');
    const secrets: Readonly<Record<string, SecretSettings>> = main.secrets;
    const task = readTask(block, {
      name,
      jobId: context.jobId,
      fileName: context.fileName,
      killSignal: main.killSignal,
      shutdownDelayMs: null,
      user: main.user,
      env: main.env,
      secrets,
      volumes: context.volumes,
      volumeMounts: [],
    });
    block.end();
    return task;
  });
}

/** In the order in which a client starts them. */
function inOrder(tasks: readonly TaskSettings[]): readonly TaskSettings[] {
  const order = ['prestart', undefined, 'poststart', 'poststop'];
  const rank = ({ lifecycle }: TaskSettings) => order.indexOf(lifecycle?.hook);
  return tasks.toSorted((a, b) => rank(a) - rank(b));
}

/** Makes the name of a group out of a job's id. */
export function groupNameOf(jobId: string): string {
  return plainName(jobId, 'app');
}
