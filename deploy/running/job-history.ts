import type { NomadJobState } from '../nomad/job-answer.ts';

/** What has been deployed as a job: the result that `saddlebag history` prints. */
export interface JobHistory {
  readonly version: 1;
  readonly jobId: string;
  readonly namespace: string;
  /** The newest first; Nomad keeps the last six and those that have a tag. */
  readonly versions: readonly JobVersion[];
}

/** One version of a job. */
export interface JobVersion {
  readonly jobVersion: number;
  readonly isCurrent: boolean;
  /** Whether it became healthy: what an automatic revert goes back to. */
  readonly isStable: boolean;
  /** RFC 3339, UTC. */
  readonly submittedAt: string;
  /** From our tag; null where there is none. */
  readonly deployedBy: string | null;
  readonly revision: string | null;
  readonly artifacts: readonly VersionArtifact[];
}

/** What a task of a version downloads. */
export interface VersionArtifact {
  readonly task: string;
  readonly url: string;
  /** In go-getter's form; empty for none. */
  readonly checksum: string;
  /** Whether the object is still there; null where that cannot be told without credentials. */
  readonly exists: boolean | null;
}

/** Who deploys what; kept beside the job, since in it every deploy would be a change. */
export interface Provenance {
  readonly deployedBy: string | null;
  readonly revision: string | null;
}

const tagPrefix = 'saddlebag-';

/** Names the tag of a version. */
export function tagName(jobVersion: number): string {
  return `${tagPrefix}${jobVersion}`;
}

/** Returns our tags beyond the newest `kept`: a version that has one is kept by Nomad for ever. */
export function staleTags(versions: readonly NomadJobState[], kept: number): string[] {
  return versions
    .filter(({ tag, version }) => tag?.name === tagName(version))
    .toSorted((a, b) => b.version - a.version)
    .slice(kept)
    .map(({ version }) => tagName(version));
}

/** Writes what a tag says: `by alice, revision 1a2b…`. */
export function describeProvenance({ deployedBy, revision }: Provenance): string {
  const parts = [
    ...(deployedBy === null ? [] : [`by ${deployedBy.replaceAll(',', ' ')}`]),
    ...(revision === null ? [] : [`revision ${revision}`]),
  ];
  return parts.join(', ');
}

/** Reads what a tag of ours says; what another wrote there is neither. */
export function parseProvenance(description: string): Provenance {
  const match = /^(?:by ([^,]+))?(?:, )?(?:revision ([0-9a-f]{7,64}(?:-dirty)?))?$/.exec(description);
  return { deployedBy: match?.[1] ?? null, revision: match?.[2] ?? null };
}

/** Describes the versions of a job; whether their objects exist is asked by `ask`, each URL once. */
export async function describeHistory(
  job: { readonly id: string; readonly namespace: string },
  versions: readonly NomadJobState[],
  ask: (url: string) => Promise<boolean | null>,
): Promise<JobHistory> {
  const asked = new Map<string, Promise<boolean | null>>();
  const exists = (url: string) => {
    const answer = asked.get(url) ?? ask(url);
    asked.set(url, answer);
    return answer;
  };
  const newest = Math.max(...versions.map(({ version }) => version));
  const described = versions
    .toSorted((a, b) => b.version - a.version)
    .map(async (one) => ({
      jobVersion: one.version,
      isCurrent: one.version === newest,
      isStable: one.isStable,
      submittedAt: new Date(one.submittedAtMs).toISOString(),
      ...parseProvenance(one.tag?.name === tagName(one.version) ? one.tag.description : ''),
      artifacts: await Promise.all(
        artifactsOf(one).map(async (artifact) => ({ ...artifact, exists: await exists(artifact.url) })),
      ),
    }));
  return { version: 1, jobId: job.id, namespace: job.namespace, versions: await Promise.all(described) };
}

/** Returns what the tasks of a job download; a URL's own credentials are left out. */
export function artifactsOf({ groups }: NomadJobState): Omit<VersionArtifact, 'exists'>[] {
  return groups
    .flatMap(({ tasks }) => tasks)
    .flatMap(({ name, artifacts }) =>
      artifacts.map(({ source, checksum }) => ({
        task: name,
        url: source.replace(/\?.*$/s, '').replace(/\/\/[^/@]*@/, '//'),
        checksum: checksum || (/[?&]checksum=([^&]+)/.exec(source)?.[1] ?? ''),
      })),
    );
}

/**
 * Tells whether a job runs what `saddlebag publish` published: its key holds the digest that the checksum names. So no
 * mark in the job is needed, which everybody could change or forget.
 */
export function isOurs(job: NomadJobState): boolean {
  return artifactsOf(job).some(({ url, checksum }) => {
    const [, digest] = /^sha256:([0-9a-f]{64})$/.exec(checksum) ?? [];
    return digest !== undefined && url.includes(`/${digest}/`);
  });
}
