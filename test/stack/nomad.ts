import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execProcess } from '../../src/core/exec.ts';
import { findTool } from '../helpers/needs.ts';
import { freePort } from '../helpers/port.ts';

/** A Nomad agent of the test's own: server and client in one, on loopback. */
export interface NomadStack {
  /** For example `http://127.0.0.1:43211`. */
  readonly address: string;
  /** Of an agent with ACLs; null for one without. */
  readonly managementToken: string | null;
  stop(): Promise<void>;
}

export interface NomadSettings {
  /** Tasks may run as root, and without a chroot by `raw_exec`. */
  readonly isOpen?: boolean;
  /** Each task gets all of the host's /usr, /lib and so on, as a client does it unless told otherwise. */
  readonly hasDefaultChroot?: boolean;
  /** Allocations have the address of this interface; of loopback unless given. */
  readonly networkInterface?: string;
  /** Every call needs a token; `managementToken` may do everything. */
  readonly hasAcl?: boolean;
  /** Metadata of the client's node, as jobs read it by `${meta.…}`. */
  readonly nodeMeta?: Readonly<Record<string, string>>;
  /** What the client's artifact downloader is given of the environment, which the agent has besides its own. */
  readonly downloaderEnv?: Readonly<Record<string, string>>;
}

/**
 * Starts `nomad agent -dev` on free ports of loopback and returns when its node takes allocations. `stop` ends the
 * agent, what its allocations left running, their mounts, and the data directory.
 */
export async function startNomad(settings: NomadSettings = {}): Promise<NomadStack> {
  const nomad = findTool('nomad');
  if (nomad === undefined) throw new Error('nomad is neither on PATH nor named by NOMAD_BIN');
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-nomad-'));
  const ports = { http: await freePort(), rpc: await freePort(), serf: await freePort() };
  const configuration = join(directory, 'agent.json');
  await writeFile(configuration, JSON.stringify(agentConfiguration(directory, ports, settings)));
  // The artifact downloader hands AWS_CA_BUNDLE on to a sandbox that may not read it, and every download fails.
  const { AWS_CA_BUNDLE: _, ...env } = process.env;
  const agent = spawn(nomad, ['agent', '-dev', '-bind', '127.0.0.1', '-config', configuration], {
    env: { ...env, ...settings.downloaderEnv },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = collectLog(agent);
  const address = `http://127.0.0.1:${ports.http}`;
  let token: string | null = null;
  const stop = async () => {
    await stopAllJobs(address, token);
    await endAgent(agent);
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    if (settings.hasAcl === true) token = await bootstrapAcl(address);
    await waitForNode(address, agent, token);
  } catch (cause) {
    await stop();
    throw new Error(`the Nomad agent did not come up:\n${log().slice(-2000)}`, { cause });
  }
  return { address, managementToken: token, stop };
}

/** Finds an interface with an IPv4 address that is not loopback's; undefined where there is none. */
export function outerInterface(): string | undefined {
  return Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ family, internal }) => family === 'IPv4' && !internal),
  )?.[0];
}

/** What docs/nomad-clients.md tells operators to write. */
export const smallChroot = {
  '/etc/passwd': '/etc/passwd',
  '/etc/resolv.conf': '/etc/resolv.conf',
  '/etc/ssl/certs': '/etc/ssl/certs',
};

/** Without a cloud around, each of these waits for a metadata server that never answers. */
export const withoutClouds = { 'fingerprint.denylist': 'env_aws,env_gce,env_azure,env_digitalocean' };

function agentConfiguration(
  directory: string,
  ports: { readonly http: number; readonly rpc: number; readonly serf: number },
  settings: NomadSettings,
): unknown {
  return {
    data_dir: join(directory, 'data'),
    ports,
    log_level: 'WARN',
    disable_update_check: true,
    server: { enabled: true },
    acl: { enabled: settings.hasAcl === true },
    client: {
      enabled: true,
      ...(settings.networkInterface === undefined ? {} : { network_interface: settings.networkInterface }),
      options: {
        ...withoutClouds,
        ...(settings.isOpen === true ? { 'user.denylist': 'nobody-is-denied' } : {}),
      },
      ...(settings.nodeMeta === undefined ? {} : { meta: settings.nodeMeta }),
      ...(settings.downloaderEnv === undefined
        ? {}
        : { artifact: { set_environment_variables: Object.keys(settings.downloaderEnv).join() } }),
      // A bundle needs nothing of the host's; the default list links all of /usr, for each allocation.
      ...(settings.hasDefaultChroot === true ? {} : { chroot_env: smallChroot }),
    },
    plugin: [{ raw_exec: [{ config: [{ enabled: settings.isOpen === true }] }] }],
  };
}

/** Keeps the end of what an agent writes; returns how to read it. */
export function collectLog(agent: ChildProcess): () => string {
  let text = '';
  for (const stream of [agent.stdout, agent.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-100_000);
    });
  }
  return () => text;
}

/** Makes the first token, as soon as there is a leader to make it. */
async function bootstrapAcl(address: string): Promise<string> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const response = await fetch(`${address}/v1/acl/bootstrap`, { method: 'POST' }).catch(() => undefined);
    if (response?.ok === true) return ((await response.json()) as { readonly SecretID: string }).SecretID;
    await delay(100);
  }
  throw new Error('no token was made within 60 s');
}

/** Waits until a node takes allocations of the exec driver. */
export async function waitForNode(address: string, agent: ChildProcess, token: string | null): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (agent.exitCode !== null) throw new Error(`it ended with code ${agent.exitCode}`);
    if (await hasReadyNode(address, token)) return;
    await delay(100);
  }
  throw new Error('no node was ready within 60 s');
}

async function hasReadyNode(address: string, token: string | null): Promise<boolean> {
  const nodes = await getJson(`${address}/v1/nodes`, token);
  return Array.isArray(nodes) && nodes.some((node) => node?.Status === 'ready' && isExecHealthy(node));
}

function isExecHealthy(node: {
  readonly Drivers?: Readonly<Record<string, { Healthy?: boolean }>>;
}): boolean {
  return node.Drivers?.exec?.Healthy === true;
}

function headersFor(token: string | null): Record<string, string> {
  return token === null ? {} : { 'x-nomad-token': token };
}

async function getJson(url: string, token: string | null): Promise<unknown> {
  try {
    const response = await fetch(url, { headers: headersFor(token), signal: AbortSignal.timeout(5_000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** Stops every job, so that its processes end in order. Purged jobs would vanish while their processes still run. */
export async function stopAllJobs(address: string, token: string | null): Promise<void> {
  const jobs = await getJson(`${address}/v1/jobs?namespace=*`, token);
  if (!Array.isArray(jobs)) return;
  for (const job of jobs as { readonly ID: string; readonly Namespace: string }[]) {
    const query = `namespace=${encodeURIComponent(job.Namespace)}`;
    const request = { method: 'DELETE', headers: headersFor(token) };
    await fetch(`${address}/v1/job/${encodeURIComponent(job.ID)}?${query}`, request).catch(() => undefined);
  }
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const allocations = await getJson(`${address}/v1/allocations?namespace=*`, token);
    if (!Array.isArray(allocations)) return;
    if (!allocations.some((one) => one?.ClientStatus === 'running' || one?.ClientStatus === 'pending'))
      return;
    await delay(100);
  }
}

/** Ends an agent in order, and after 20 s without. */
export async function endAgent(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const ended = once(agent, 'exit');
  agent.kill('SIGINT');
  const forced = setTimeout(() => agent.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(forced);
}

/** Unmounts what allocations left below a directory, the deepest first; removing the tree would fail on it. */
export async function unmountBelow(directory: string): Promise<void> {
  const table = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const targets = table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target.startsWith(`${directory}/`))
    .sort()
    .reverse();
  for (const target of targets) await execProcess('umount', ['--lazy', target]);
}
