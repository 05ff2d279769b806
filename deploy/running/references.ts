import type { NomadConnection } from '../nomad/nomad-connection.ts';
import { type NomadHttp, type NomadRequest, openNomadHttp, readAnswer } from '../nomad/nomad-http.ts';
import { Shape } from '../nomad/shape.ts';

/** SHA-256 digests that jobs name, each with who names it: `job web version 3 in default`. */
export type References = ReadonlyMap<string, readonly string[]>;

/** How many calls are under way at once. */
const parallelCalls = 8;

/**
 * Finds every SHA-256 that any version of any job names, or the job of an allocation that has not ended, in all
 * namespaces that the token sees and all regions. It is looked for in the whole text of a job, not in artifact blocks
 * only: whatever names a digest, keeps it.
 * @throws {SaddlebagError} what `openNomadHttp` throws; nothing is left out in silence
 */
export async function readReferences(connection: NomadConnection, signal: AbortSignal): Promise<References> {
  // The user's namespace is no limit here: objects are shared by all.
  const http = openNomadHttp({ ...connection, namespace: null, region: null }, signal);
  const found = new Map<string, Set<string>>();
  try {
    for (const region of await readRegions(http)) await new RegionReader(http, region, found).read();
  } finally {
    await http.close();
  }
  return new Map([...found].map(([digest, users]) => [digest, [...users].sort()]));
}

async function readRegions(http: NomadHttp): Promise<readonly string[]> {
  const action = 'list the regions';
  const { text } = await http.send({ method: 'GET', path: '/regions', action });
  return readAnswer(text, action, (value) =>
    Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [],
  );
}

interface JobName {
  readonly id: string;
  readonly namespace: string;
}

class RegionReader {
  readonly #http: NomadHttp;
  readonly #region: string;
  readonly #found: Map<string, Set<string>>;
  /** `namespace/job/version` of what was read. */
  readonly #seen = new Set<string>();

  constructor(http: NomadHttp, region: string, found: Map<string, Set<string>>) {
    this.#http = http;
    this.#region = region;
    this.#found = found;
  }

  async read(): Promise<void> {
    const jobs = await this.#list('/jobs', 'list the jobs', (job) => ({
      id: job.text('ID'),
      namespace: job.text('Namespace'),
    }));
    await inParallel(jobs, (job) => this.#readVersions(job));
    const allocations = await this.#list('/allocations', 'list the allocations', (allocation) => ({
      id: allocation.text('ID'),
      job: { id: allocation.text('JobID'), namespace: allocation.text('Namespace') },
      version: allocation.number('JobVersion'),
      status: allocation.text('ClientStatus'),
    }));
    // Of a job that was purged, or of a version that is no longer kept.
    const others = allocations.filter(
      ({ job, status, version }) => !isOver(status) && !this.#seen.has(nameOf(job, version)),
    );
    await inParallel(others, async ({ id, job, version }) => {
      const { text } = await this.#get(`/allocation/${id}`, job.namespace, `read allocation ${id}`);
      this.#note(text, `an allocation of job ${job.id} version ${version} in ${job.namespace}`);
    });
  }

  async #readVersions(job: JobName): Promise<void> {
    const action = `read the versions of job ${job.id}`;
    const path = `/job/${encodeURIComponent(job.id)}/versions`;
    const { isFound, text } = await this.#get(path, job.namespace, action);
    // Purged since it was listed.
    if (!isFound) return;
    const versions = readAnswer(text, action, (value) => {
      const raw = (value as { readonly Versions?: readonly unknown[] }).Versions ?? [];
      return raw.map((version) => ({
        number: Shape.of(version).number('Version'),
        text: JSON.stringify(version),
      }));
    });
    for (const version of versions) {
      this.#seen.add(nameOf(job, version.number));
      this.#note(version.text, `job ${job.id} version ${version.number} in ${job.namespace}`);
    }
  }

  #note(text: string, user: string): void {
    for (const [digest] of text.toLowerCase().matchAll(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)) {
      const users = this.#found.get(digest) ?? new Set();
      this.#found.set(digest, users.add(user));
    }
  }

  async #list<T>(path: string, action: string, read: (item: Shape) => T): Promise<T[]> {
    const { text } = await this.#get(path, '*', action);
    return readAnswer(text, action, (value) => Shape.list(value, read));
  }

  #get(path: string, namespace: string, action: string) {
    const call: NomadRequest = { method: 'GET', path, query: { namespace, region: this.#region }, action };
    return this.#http.send(call);
  }
}

function nameOf({ id, namespace }: JobName, version: number): string {
  return `${namespace}/${id}/${version}`;
}

function isOver(status: string): boolean {
  return status === 'complete' || status === 'failed' || status === 'lost';
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: parallelCalls }, worker));
}
