import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { serveInTest } from '../../../helpers/test-server.ts';
import type { NomadStack } from '../../../stack/nomad.ts';
import type { TestBundle } from '../bundles.ts';
import { until } from './cell.ts';

/** A task that starts a bundle. */
export interface TaskSettings {
  readonly driver?: 'exec' | 'raw_exec';
  readonly type?: 'batch' | 'service';
  readonly user?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly count?: number;
  /** Tasks in the group. */
  readonly tasks?: number;
  readonly memoryMb?: number;
}

interface TaskState {
  readonly State: string;
  readonly Failed: boolean;
  readonly Events: readonly {
    readonly Type: string;
    readonly ExitCode: number;
    readonly DisplayMessage: string;
  }[];
}

export interface Allocation {
  readonly ID: string;
  readonly ClientStatus: string;
  readonly TaskStates: Readonly<Record<string, TaskState>> | null;
}

let jobs = 0;

/** Serves a bundle as a web server does: without an executable bit. */
async function serve(bundle: TestBundle): Promise<string> {
  const server = createServer((_, response) => createReadStream(bundle.file).pipe(response));
  return `http://127.0.0.1:${await serveInTest(server)}/app`;
}

function taskOf(name: string, source: string, settings: TaskSettings): unknown {
  return {
    Name: name,
    Driver: settings.driver ?? 'exec',
    ...(settings.user === undefined ? {} : { User: settings.user }),
    Config: { command: 'local/app', args: settings.args ?? [] },
    Env: settings.env ?? {},
    Artifacts: [
      {
        GetterSource: source,
        GetterMode: 'file',
        RelativeDest: 'local/app',
        GetterOptions: { archive: 'false' },
      },
    ],
    Resources: { CPU: 20, MemoryMB: settings.memoryMb ?? 64 },
    LogConfig: { MaxFiles: 1, MaxFileSizeMB: 5 },
    KillSignal: 'SIGTERM',
    KillTimeout: 5_000_000_000,
    RestartPolicy: { Attempts: 0, Mode: 'fail' },
  };
}

/** A job on a Nomad of the test's, stopped and forgotten when the test ends. */
export class Job {
  readonly id: string;
  readonly #address: string;

  private constructor(id: string, address: string) {
    this.id = id;
    this.#address = address;
  }

  static async run(nomad: NomadStack, bundle: TestBundle, settings: TaskSettings): Promise<Job> {
    const job = new Job(`case-${process.pid}-${jobs++}`, nomad.address);
    const source = await serve(bundle);
    const names = Array.from({ length: settings.tasks ?? 1 }, (_, index) => `task-${index}`);
    await job.#api('/jobs', {
      Job: {
        ID: job.id,
        Type: settings.type ?? 'batch',
        Datacenters: ['*'],
        TaskGroups: [
          {
            Name: 'group',
            Count: settings.count ?? 1,
            EphemeralDisk: { SizeMB: 30 },
            RestartPolicy: { Attempts: 0, Mode: 'fail' },
            ReschedulePolicy: { Attempts: 0, Unlimited: false },
            Tasks: names.map((name) => taskOf(name, source, settings)),
          },
        ],
      },
    });
    onTestFinished(() => job.stop());
    return job;
  }

  async #api(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<unknown> {
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${this.#address}/v1${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return path.includes('/fs/logs/') ? text : JSON.parse(text);
  }

  async allocations(): Promise<readonly Allocation[]> {
    return (await this.#api(`/job/${this.id}/allocations?task_states=true`)) as readonly Allocation[];
  }

  /** Waits until `count` allocations have the status, and returns them. */
  async reach(status: string, count = 1): Promise<readonly Allocation[]> {
    let found: readonly Allocation[] = [];
    await until(async () => {
      found = await this.allocations();
      const failed = found.find((each) => each.ClientStatus === 'failed' && status !== 'failed');
      if (failed !== undefined) throw new Error(await this.#describe(failed));
      return found.filter((each) => each.ClientStatus === status).length === count;
    }, 120_000);
    return found;
  }

  async #describe(allocation: Allocation): Promise<string> {
    const events = Object.values(allocation.TaskStates ?? {}).flatMap(({ Events }) => Events);
    const said = await this.log(allocation, 'stderr').catch(() => '');
    return `${events.map(({ DisplayMessage }) => DisplayMessage).join('\n')}\n${said}`;
  }

  async log(allocation: Allocation, stream: 'stdout' | 'stderr', task = 'task-0'): Promise<string> {
    const query = `task=${task}&type=${stream}&plain=true`;
    return (await this.#api(`/client/fs/logs/${allocation.ID}?${query}`)) as string;
  }

  /** Names what is in a directory of an allocation, `path` from its own root; nothing where it is missing. */
  async names(allocation: Allocation, path: string): Promise<readonly string[]> {
    const query = `path=${encodeURIComponent(path)}`;
    const found = await this.#api(`/client/fs/ls/${allocation.ID}?${query}`).catch(() => []);
    return (found as readonly { readonly Name: string }[]).map(({ Name }) => Name);
  }

  async restart(allocation: Allocation): Promise<void> {
    await this.#api(`/client/allocation/${allocation.ID}/restart`, { TaskName: 'task-0' }, 'PUT');
  }

  async stop(): Promise<void> {
    await this.#api(`/job/${this.id}`, undefined, 'DELETE');
  }
}
