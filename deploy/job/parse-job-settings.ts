import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { Arch } from '../../src/core/types.ts';
import type { DeployArtifact } from '../artifact/artifact.ts';
import type { GroupSettings, JobSettings, JobType } from './job-settings.ts';
import { jobTypes } from './job-settings.ts';
import {
  datacenterForm,
  jobIdForm,
  nameForm,
  namespaceForm,
  placeForm,
  plainName,
  variablePathForm,
} from './settings/forms.ts';
import { type GroupContext, groupNameOf, readFurtherGroup, readGroup } from './settings/group.ts';
import { readConstraints, readPreferences } from './settings/placement.ts';
import { Problems, SettingsReader } from './settings/reader.ts';
import { readParameterized, readPeriodic, readUpdate } from './settings/timing.ts';
import { dottedName, type NameOfSetting, type SettingsTree } from './settings/tree.ts';

/** Settings of a job as they were written, and what their places are called in messages. */
export interface JobSettingsSource {
  readonly tree: SettingsTree;
  /** Default: the keys with dots between. */
  readonly nameOf?: NameOfSetting;
}

/** What settings take from the bundle where they do not say. */
export type BundleOfJob = Pick<DeployArtifact, 'name' | 'arch' | 'interpreter' | 'imageSettings'>;

/**
 * Checks the settings of a job and fills in defaults, most of them Nomad's own, written out so that the job's file shows
 * them. Every problem is reported at once.
 * @throws {SaddlebagError} `job-settings-invalid`
 */
export function parseJobSettings(source: JobSettingsSource, bundle: BundleOfJob): JobSettings {
  const { settings, problems } = readJobSettings(source, bundle);
  if (problems.length === 0) return settings;
  const [only] = problems;
  const list = problems.length === 1 ? ` ${only}` : `\n${problems.map((each) => `  ${each}`).join('\n')}`;
  throw new SaddlebagError('job-settings-invalid', `cannot write the job of ${settings.id}:${list}`, {
    hint: 'see saddlebag deploy --help',
    exitCode: exitCodes.usage,
  });
}

/**
 * Reads the settings of a job with all that is wrong with them; where something is, the settings are not to be used.
 *
 * The tree holds, beside what belongs to the job as a whole, the settings of its main group and of that group's main
 * task, so that a small job is a flat list. Further groups are `group "name" { … }` with the same settings again, further
 * tasks of a group `task "name" { … }`.
 */
export function readJobSettings(
  { tree, nameOf = dottedName }: JobSettingsSource,
  bundle: BundleOfJob,
): { readonly settings: JobSettings; readonly problems: readonly string[] } {
  const problems = new Problems(nameOf);
  const body = new SettingsReader(tree, problems);
  const fileName = plainName(bundle.name, 'app');
  const id = body.text('job', jobIdForm) ?? fileName;
  // What runs at given times, or when it is called, ends.
  const byDefault = body.has('periodic') || body.has('parameterized') ? 'batch' : 'service';
  const type = body.oneOf<JobType>('type', jobTypes) ?? byDefault;
  const group = body.text('group_name', nameForm) ?? groupNameOf(id);
  const context: GroupContext = {
    jobId: id,
    type,
    fileName,
    bundle,
  };
  const head = {
    id,
    type,
    namespace: body.text('namespace', namespaceForm),
    region: body.text('region', placeForm),
    priority: body.number('priority', { min: 1, max: 32_766 }),
    datacenters: body.texts('datacenters', datacenterForm) ?? ['*'],
    nodePool: body.text('node_pool', placeForm),
    arch: readArch(body, bundle.arch),
    s3Variable: readS3Variable(body, id),
    constraints: readConstraints(body),
    ...readPreferences(body, type),
    periodic: readPeriodic(body, type),
    parameterized: readParameterized(body, type),
  };
  const groups = [readGroup(body, group, context), ...readGroups(body, group, context)];
  const settings: JobSettings = { ...head, update: readUpdate(body, type, groups), groups };
  refuseStrayPayload(body, settings);
  refuseLongEnds(problems, settings);
  body.end();
  return { settings, problems: problems.messages() };
}

function readGroups(body: SettingsReader, first: string, context: GroupContext): readonly GroupSettings[] {
  return body.labelled('group').map(([name, block]) => {
    block.checkText([], name, nameForm);
    if (name === first) block.problems.add(block.path, 'the main group is called so');
    return readFurtherGroup(block, name, context);
  });
}

function readArch(body: SettingsReader, ofBundle: Arch | null): Arch | null {
  const arch = body.oneOf<Arch>('arch', ['x86_64', 'aarch64']);
  if (arch !== null && ofBundle !== null && arch !== ofBundle) {
    body.problem('arch', `the bundle is for ${ofBundle}, not for ${arch}`);
  }
  return arch ?? ofBundle;
}

/** A task that may take longer to end than its deployment may take is refused by Nomad. */
function refuseLongEnds(problems: Problems, { groups, update }: JobSettings): void {
  if (update === null || update.progressDeadlineMs === 0) return;
  const tasks = groups.flatMap((group) => group.tasks);
  if (tasks.some(({ killTimeoutMs }) => killTimeoutMs > update.progressDeadlineMs)) {
    problems.add(
      ['kill_timeout'],
      'it is longer than progress_deadline, which is how long a step of the update may take',
    );
  }
}

/** Every task of a job may read `nomad/jobs/<job>` by its own identity, and no other job's task. */
function readS3Variable(body: SettingsReader, jobId: string): string | null {
  const path = body.flagOrText('s3_variable', variablePathForm);
  if (path === null || path === false) return null;
  if (path !== true) return path;
  const ownPath = `nomad/jobs/${jobId}`;
  if (variablePathForm.pattern.test(ownPath)) return ownPath;
  body.problem('s3_variable', `no variable can be called ${ownPath}: give the path of another`);
  return null;
}

function refuseStrayPayload(body: SettingsReader, { parameterized, groups }: JobSettings): void {
  const takesPayload = groups.some(({ tasks }) => tasks.some((task) => task.dispatchPayload !== null));
  if (!takesPayload) return;
  if (parameterized === null || parameterized.payload === 'forbidden') {
    body.problem('dispatch_payload', 'only a parameterized job is dispatched with a payload');
  }
}
