import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { ApiJob, NomadJobState } from '../nomad/job-answer.ts';
import type { JobSource, Nomad } from '../nomad/nomad.ts';
import { Shape, ShapeError } from '../nomad/shape.ts';
import type { Submission } from './submission.ts';

/** A job whose groups have the counts that they are to have. */
export interface CountedSubmission {
  readonly submission: Submission;
  /** Where the cluster's count and the file's differ: which is taken, and why. */
  readonly notes: readonly string[];
}

/** A count for one group, or for the only one. */
export interface WantedCount {
  readonly group: string | null;
  readonly count: number;
}

/**
 * Parses `N` or `GROUP=N`, several with commas between.
 * @throws {SaddlebagError} `job-settings-invalid`
 */
export function parseCounts(text: string): WantedCount[] {
  return text.split(',').map((part) => {
    const match = /^(?:(.+)=)?(\d{1,6})$/.exec(part.trim());
    if (match !== null) return { group: match[1]?.trim() ?? null, count: Number(match[2]) };
    throw badCount(`expected N, or GROUP=N with commas between, got "${text}"`);
  });
}

/**
 * Decides how many allocations each group gets: what was asked for; else what the cluster has, which somebody or an
 * autoscaler chose; but what the file says where that changed since the last submission. System jobs have no count.
 * @throws {SaddlebagError} `job-settings-invalid` for a count of a group that is not there; what the API throws
 */
export async function settleCounts(
  nomad: Nomad,
  submission: Submission,
  settings: { readonly current: NomadJobState | null; readonly wanted: readonly WantedCount[] },
): Promise<CountedSubmission> {
  const inFile = groupCounts(submission.job);
  const wanted = wantedCounts([...inFile.keys()], settings.wanted);
  const running = new Map(settings.current?.groups.map(({ name, count }) => [name, count]));
  const isKept = settings.current !== null && !settings.current.isStopped && !isSystem(submission.job);
  const differing = [...inFile].filter(
    ([name, count]) => isKept && !wanted.has(name) && (running.get(name) ?? count) !== count,
  );
  const last = differing.length === 0 ? null : await readLastCounts(nomad, submission.id);
  const kept = differing.filter(([name, count]) => last === null || last.get(name) === count);
  const notes = differing.map(([name, count]) => {
    const runs = `group "${name}": ${running.get(name)} in the cluster, ${count} in the file`;
    if (last === null)
      return `${runs}: the cluster's stays (what was submitted last is not known; --count sets it)`;
    const isChanged = !kept.some(([one]) => one === name);
    return isChanged
      ? `${runs}, which changed: the file's is taken`
      : `${runs}, as before: the cluster's stays`;
  });
  const settled = new Map([...kept.map(([name]) => [name, running.get(name) ?? 1] as const), ...wanted]);
  return { submission: settled.size === 0 ? submission : withCounts(submission, settled), notes };
}

function wantedCounts(groups: readonly string[], wanted: readonly WantedCount[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { group, count } of wanted) {
    const name = group ?? (groups.length === 1 ? groups[0] : undefined);
    if (name === undefined)
      throw badCount(`the job has several groups: say which, GROUP=N, of ${groups.join(', ')}`);
    if (!groups.includes(name)) throw badCount(`the job has no group ${name}; it has ${groups.join(', ')}`);
    counts.set(name, count);
  }
  return counts;
}

/** Returns the counts of a job's groups by name; 1 where it says none. @throws {ShapeError} */
export function groupCounts(job: ApiJob): Map<string, number> {
  const groups = Shape.of(job, 'job').list('TaskGroups', (group) => {
    return [group.optionalText('Name'), group.optionalNumber('Count', 1)] as const;
  });
  return new Map(groups);
}

function isSystem(job: ApiJob): boolean {
  return Shape.of(job, 'job').optionalText('Type').startsWith('sys');
}

function withCounts(submission: Submission, counts: ReadonlyMap<string, number>): Submission {
  const { TaskGroups, ...job } = submission.job as ApiJob & {
    readonly TaskGroups: readonly { Name: string }[];
  };
  const groups = TaskGroups.map((group) => {
    const count = counts.get(group.Name);
    return count === undefined ? group : { ...group, Count: count };
  });
  return { ...submission, job: { ...job, TaskGroups: groups } as ApiJob };
}

/** The counts that the newest text says which the server keeps; versions that were only scaled have none. */
async function readLastCounts(nomad: Nomad, jobId: string): Promise<Map<string, number> | null> {
  for (const { version } of await nomad.readVersions(jobId)) {
    const source = await nomad.readSource(jobId, version);
    if (source !== null) return countsOf(nomad, jobId, source);
  }
  return null;
}

/** Reads the counts of a text that was submitted. One that reads files cannot be parsed again; then nobody knows: null. */
export async function countsOf(
  nomad: Nomad,
  jobId: string,
  source: JobSource,
): Promise<Map<string, number> | null> {
  try {
    if (source.format === 'hcl2') {
      const file = {
        name: `the last submission of ${jobId}`,
        source: source.text,
        variables: source.variables,
      };
      return groupCounts(await nomad.parseJob(file));
    }
    const value: unknown = JSON.parse(source.text);
    return groupCounts((Object(value) as { readonly Job?: ApiJob }).Job ?? (value as ApiJob));
  } catch (cause) {
    // What somebody else has submitted need be neither JSON nor a job.
    if (cause instanceof SyntaxError || cause instanceof ShapeError) return null;
    if (cause instanceof SaddlebagError && cause.code === 'job-file-invalid') return null;
    throw cause;
  }
}

function badCount(reason: string): SaddlebagError {
  return new SaddlebagError('job-settings-invalid', `cannot deploy: --count: ${reason}`, {
    hint: 'leave it out to keep what runs',
    exitCode: exitCodes.usage,
  });
}
