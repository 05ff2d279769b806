import type { Release } from '../../deploy/release/release-model.ts';
import { runDeploy } from '../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../src/commands/deploy/deploy-flags.ts';
import type { Context } from '../../src/core/context.ts';
import type { Artifact } from '../../src/core/types.ts';
import { testContext } from '../helpers/context.ts';
import { type AppServer, startAppServer } from './app-server.ts';
import { type NomadStack, startNomad } from './nomad.ts';

/** A Nomad, releases of the test app, and what is done with both. */
export interface DeployStack {
  readonly nomad: NomadStack;
  readonly apps: AppServer;
  /** Deploys, and returns the Release with all that was reported; what is thrown has the lines too. */
  deploy(artifact: Artifact | string, flags: DeployFlags, overrides?: Partial<Context>): Promise<Deployed>;
  /** Reads from Nomad's API; `path` is below `/v1`. */
  api(path: string): Promise<unknown>;
  /** Reads what must not change where nothing is deployed. */
  fingerprint(jobId: string): Promise<unknown>;
  /** Asks the app itself. */
  fetchPage(jobId: string): Promise<string>;
  stop(): Promise<void>;
}

/** What came of a deploy. */
export interface Deployed {
  readonly text: string;
  readonly release: Release;
  readonly lines: readonly string[];
}

const fast: DeployFlags = { minHealthyTime: '1s' };

/** Starts a Nomad agent and a server of releases. */
export async function startDeployStack(): Promise<DeployStack> {
  const [nomad, apps] = await Promise.all([startNomad(), startAppServer()]);
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`${nomad.address}/v1${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    nomad,
    apps,
    api,
    deploy: (artifact, flags, overrides = {}) => deployTo(nomad.address, artifact, flags, overrides),
    fingerprint: async (jobId) => {
      const job = (await api(`/job/${jobId}`)) as Record<string, unknown>;
      const allocations = (await api(`/job/${jobId}/allocations`)) as { ID: string }[];
      return {
        version: job.Version,
        modifyIndex: job.JobModifyIndex,
        allocations: allocations.map(({ ID }) => ID).sort(),
      };
    },
    fetchPage: async (jobId) => {
      const [service] = (await api(`/service/${jobId}`)) as { Address: string; Port: number }[];
      const response = await fetch(`http://${service?.Address}:${service?.Port}/`);
      return response.text();
    },
    stop: async () => {
      await Promise.all([nomad.stop(), apps.stop()]);
    },
  };
}

/** Deploys by the agent at `address`, as `DeployStack.deploy` does. */
export async function deployTo(
  address: string,
  artifact: Artifact | string,
  flags: DeployFlags,
  overrides: Partial<Context> = {},
): Promise<Deployed> {
  const lines: string[] = [];
  const reporter: Context['reporter'] = {
    report: (event) => {
      if ('message' in event) lines.push(`${event.kind} ${event.message}`);
    },
  };
  const context = testContext({ env: { NOMAD_ADDR: address }, reporter, ...overrides });
  const readStdin = async () => (typeof artifact === 'string' ? artifact : JSON.stringify(artifact));
  // What ends is not updated.
  const isUpdated = flags.type === undefined || flags.type === 'service';
  const input = { artifact: '-', flags: { ...(isUpdated ? fast : {}), ...flags }, readStdin };
  const { text, json } = await runDeploy(input, context).catch((cause: unknown) => {
    throw Object.assign(cause as Error, { lines });
  });
  return { text, release: json as Release, lines };
}
