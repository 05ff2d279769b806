import { type Fields, fieldsOf, isSet, listOf, textOf } from './fields.ts';
import type { Finding } from './finding.ts';
import { isOlder } from './version.ts';

interface Feature {
  readonly since: string;
  readonly name: string;
  /** What happens on an older server, which leaves out keys that it does not know. */
  readonly otherwise: string;
  readonly isUsed: (fields: Fields) => boolean;
}

// Source: Nomad's change log and the "new in" remarks of its job specification.
const ofJob: readonly Feature[] = [
  {
    since: '1.6.0',
    name: 'node_pool',
    otherwise: 'it would run on any node',
    isUsed: (job) => isSet(job.NodePool) && job.NodePool !== 'default',
  },
  {
    since: '1.6.2',
    name: 'periodic.crons',
    otherwise: 'it would never run',
    isUsed: (job) => isSet(fieldsOf(job.Periodic).Specs),
  },
];
const ofGroup: readonly Feature[] = [
  {
    since: '1.8.0',
    name: 'disconnect',
    otherwise: 'it would be ignored',
    isUsed: (group) => isSet(group.Disconnect),
  },
  {
    since: '1.10.0',
    name: 'volume.sticky',
    otherwise: 'an allocation could find another volume',
    isUsed: (group) =>
      Object.values(fieldsOf(group.Volumes)).some((volume) => isSet(fieldsOf(volume).Sticky)),
  },
];
const ofTask: readonly Feature[] = [
  {
    since: '1.9.0',
    name: 'resources.secrets',
    otherwise: '/secrets would keep its 1 MiB',
    isUsed: (task) => isSet(fieldsOf(task.Resources).SecretsMB),
  },
  {
    since: '1.9.2',
    name: 'config.work_dir',
    otherwise: 'the driver would refuse it',
    isUsed: (task) =>
      /^(?:exec|raw_exec)$/.test(textOf(task.Driver)) && isSet(fieldsOf(task.Config).work_dir),
  },
  {
    since: '1.11.0',
    name: 'secret',
    otherwise: 'nothing would be read',
    isUsed: (task) => listOf(task.Secrets).length > 0,
  },
];

/** Names what of a job the server is too old for. */
export function checkJobFeatures(job: Fields, version: string): Finding[] {
  const tooNew = findTooNew(ofJob, job, { version, place: 'job' });
  const isSystem = job.Type === 'system' && isSet(job.Update) && isOlder(version, '1.11.0');
  if (!isSystem) return tooNew;
  return [
    ...tooNew,
    {
      kind: 'warning',
      code: 'nomad-too-old',
      place: 'job: update',
      problem: `a system job has a deployment from Nomad 1.11 on, the server is ${version}: nothing is reverted or promoted`,
      hint: 'look at its allocations, or bring the servers up to 1.11',
    },
  ];
}

/** The same of a group. */
export function checkGroupFeatures(group: Fields, version: string, place: string): Finding[] {
  return findTooNew(ofGroup, group, { version, place });
}

/** The same of a task. */
export function checkTaskFeatures(task: Fields, version: string, place: string): Finding[] {
  return findTooNew(ofTask, task, { version, place });
}

function findTooNew(
  features: readonly Feature[],
  fields: Fields,
  { version, place }: { readonly version: string; readonly place: string },
): Finding[] {
  return features
    .filter(({ since, isUsed }) => isOlder(version, since) && isUsed(fields))
    .map(({ name, since, otherwise }) => ({
      kind: 'error',
      place: `${place}: ${name}`,
      problem: `Nomad has it from ${since} on, the server is ${version}: ${otherwise}`,
      hint: `leave it out, or bring the cluster up to ${since}`,
    }));
}
