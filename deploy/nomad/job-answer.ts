import { sha256Hex } from '../../src/core/digest.ts';
import { Shape } from './shape.ts';

/** A job in the form of the API; whatever it says beyond its id is passed on as it is. */
export interface ApiJob {
  readonly ID: string;
}

/** A version of a job, as the servers keep it. */
export interface NomadJobState {
  /** `service`, `batch`, `system` or `sysbatch`. */
  readonly type: string;
  /** `periodic` or `parameterized`: it starts nothing by itself; `multiregion`: several clusters run it. */
  readonly special: 'periodic' | 'parameterized' | 'multiregion' | null;
  readonly version: number;
  readonly jobModifyIndex: number;
  /** True once somebody stopped the job. */
  readonly isStopped: boolean;
  /** True once a deployment of this version succeeded: what an automatic revert goes back to. */
  readonly isStable: boolean;
  /** Milliseconds since 1970; of a version that is an older one again, that one's. */
  readonly submittedAtMs: number;
  /** A name that somebody gave the version (Nomad 1.9 and newer); null for none. */
  readonly tag: { readonly name: string; readonly description: string } | null;
  /** Equal for versions that run the same in the same way; how many of it is not counted. */
  readonly definition: string;
  readonly groups: readonly JobGroupState[];
}

/** A group of a job. */
export interface JobGroupState {
  readonly name: string;
  readonly count: number;
  /** How long an allocation must be well to count; 0 where the job has no `update`. */
  readonly minHealthyTimeMs: number;
  /** How long until the next allocation must be healthy; 0 where there is no such limit. */
  readonly progressDeadlineMs: number;
  readonly tasks: readonly JobTaskState[];
}

/** A task of a group. */
export interface JobTaskState {
  readonly name: string;
  /** `prestart`, `poststart`, `poststop`; empty for a main task. */
  readonly hook: string;
  readonly artifacts: readonly JobArtifact[];
}

/** A download of a task. */
export interface JobArtifact {
  readonly source: string;
  /** In go-getter's form, `sha256:<hex>`; empty for none. */
  readonly checksum: string;
}

/** Reads a job. @throws {ShapeError} */
export function readJobState(value: unknown): NomadJobState {
  return jobState(Shape.of(value));
}

/** Reads the `Versions` of a job, the newest first. @throws {ShapeError} */
export function readVersions(value: unknown): NomadJobState[] {
  return Shape.of(value).list('Versions', jobState);
}

function jobState(job: Shape): NomadJobState {
  return {
    type: job.optionalText('Type') || 'service',
    special: specialOf(job),
    version: job.number('Version'),
    jobModifyIndex: job.number('JobModifyIndex'),
    isStopped: job.flag('Stop'),
    isStable: job.flag('Stable'),
    submittedAtMs: job.optionalNumber('SubmitTime') / 1e6,
    tag: versionTag(job.optionalObject('VersionTag')),
    definition: definitionOf(job),
    groups: job.list('TaskGroups', jobGroup),
  };
}

/** What Nomad itself keeps of a version beside what was submitted. Source: Nomad, HTTP API, "Read job". */
const bookkeeping = [
  'ConsulToken',
  'CreateIndex',
  'JobModifyIndex',
  'ModifyIndex',
  'NomadTokenID',
  'Stable',
  'Status',
  'StatusDescription',
  'Stop',
  'SubmitTime',
  'TaskGroups',
  'VaultToken',
  'Version',
  'VersionTag',
];

/** A digest: the definition itself may hold what is not for everybody. */
function definitionOf(job: Shape): string {
  const groups = job.list('TaskGroups', (group) => group.without(['Count']));
  const text = JSON.stringify([job.without(bookkeeping), groups]);
  return sha256Hex(text);
}

function jobGroup(group: Shape): JobGroupState {
  const update = group.optionalObject('Update');
  return {
    name: group.text('Name'),
    count: group.number('Count'),
    minHealthyTimeMs: (update?.optionalNumber('MinHealthyTime') ?? 0) / 1e6,
    progressDeadlineMs: (update?.optionalNumber('ProgressDeadline') ?? 0) / 1e6,
    tasks: group.list('Tasks', (task) => ({
      name: task.text('Name'),
      hook: task.optionalObject('Lifecycle')?.optionalText('Hook') ?? '',
      artifacts: task.list('Artifacts', (artifact) => ({
        source: artifact.text('GetterSource'),
        checksum: artifact.optionalObject('GetterOptions')?.optionalText('checksum') ?? '',
      })),
    })),
  };
}

function versionTag(tag: Shape | null): NomadJobState['tag'] {
  return tag === null ? null : { name: tag.text('Name'), description: tag.optionalText('Description') };
}

function specialOf(job: Shape): NomadJobState['special'] {
  if (job.optionalObject('Multiregion') !== null) return 'multiregion';
  if (job.optionalObject('Periodic') !== null) return 'periodic';
  return job.optionalObject('ParameterizedJob') === null ? null : 'parameterized';
}
