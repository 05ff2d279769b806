import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findTool } from '../helpers/needs.ts';
import { freePort } from '../helpers/port.ts';
import {
  collectLog,
  endAgent,
  smallChroot,
  stopAllJobs,
  unmountBelow,
  waitForNode,
  withoutClouds,
} from './nomad.ts';

/** Agents that keep their state on disk, as operators run them: any of them may go and come back. */
export interface NomadCluster {
  /** The API of the agent that runs tasks. */
  readonly address: string;
  /** Kills the server that leads, and returns when another does. */
  killLeader(): Promise<void>;
  /** Ends the agent that runs tasks as a service manager would, and starts it again at once. */
  restartClient(): Promise<void>;
  stop(): Promise<void>;
}

/** One agent, which can be started more than once. */
interface Agent {
  readonly address: string;
  readonly rpcAddress: string;
  readonly file: string;
  process: ChildProcess;
  log: () => string;
}

interface Ports {
  readonly http: number;
  readonly rpc: number;
  readonly serf: number;
}

const loopback = '127.0.0.1';

async function freePorts(): Promise<Ports> {
  return { http: await freePort(), rpc: await freePort(), serf: await freePort() };
}

function commonConfiguration(directory: string, name: string, ports: Ports) {
  return {
    name,
    data_dir: join(directory, name),
    bind_addr: loopback,
    advertise: { http: loopback, rpc: `${loopback}:${ports.rpc}`, serf: `${loopback}:${ports.serf}` },
    ports,
    log_level: 'WARN',
    disable_update_check: true,
  };
}

const client = { enabled: true, options: withoutClouds, chroot_env: smallChroot };

function launch(file: string): Pick<Agent, 'process' | 'log'> {
  // The artifact downloader hands AWS_CA_BUNDLE on to a sandbox that may not read it, and every download fails.
  const { AWS_CA_BUNDLE: _, ...env } = process.env;
  const child = spawn(findTool('nomad') ?? 'nomad', ['agent', '-config', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { process: child, log: collectLog(child) };
}

async function startAgent(directory: string, configuration: { name: string; ports: Ports }): Promise<Agent> {
  const file = join(directory, `${configuration.name}.json`);
  await writeFile(file, JSON.stringify(configuration));
  const { http, rpc } = configuration.ports;
  return {
    address: `http://${loopback}:${http}`,
    rpcAddress: `${loopback}:${rpc}`,
    file,
    ...launch(file),
  };
}

/** Starts one agent that is server and client in one. */
export async function startLoneNomad(): Promise<NomadCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-nomad-'));
  const common = commonConfiguration(directory, 'lone', await freePorts());
  const agent = await startAgent(directory, {
    ...common,
    ...{ server: { enabled: true, bootstrap_expect: 1 }, client },
  });
  return cluster(directory, { servers: [], tasks: agent });
}

/** Starts three servers, and a fourth agent that runs tasks. */
export async function startNomadCluster(): Promise<NomadCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-nomad-'));
  const all = [await freePorts(), await freePorts(), await freePorts()];
  const joining = { retry_join: all.map(({ serf }) => `${loopback}:${serf}`), retry_interval: '1s' };
  const servers = await Promise.all(
    all.map((ports, number) =>
      startAgent(directory, {
        ...commonConfiguration(directory, `server-${number}`, ports),
        ...{ server: { enabled: true, bootstrap_expect: 3, server_join: joining } },
      }),
    ),
  );
  const tasks = await startAgent(directory, {
    ...commonConfiguration(directory, 'client', await freePorts()),
    ...{ client: { ...client, servers: servers.map(({ rpcAddress }) => rpcAddress) } },
  });
  return cluster(directory, { servers, tasks });
}

async function cluster(
  directory: string,
  { servers, tasks }: { readonly servers: readonly Agent[]; readonly tasks: Agent },
): Promise<NomadCluster> {
  const { address } = tasks;
  const stop = async () => {
    await stopAllJobs(address, null);
    for (const agent of [tasks, ...servers]) await endAgent(agent.process);
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await waitForNode(address, tasks.process, null);
  } catch (cause) {
    await stop();
    const logs = [tasks, ...servers].map(({ log }) => log().slice(-2000)).join('\n');
    throw new Error(`the Nomad cluster did not come up:\n${logs}`, { cause });
  }
  return {
    address,
    killLeader: async () => {
      const before = await readLeader(address);
      const leader = servers.find(({ rpcAddress }) => rpcAddress === before);
      if (leader === undefined) throw new Error(`no server of ours leads: ${before}`);
      const ended = once(leader.process, 'exit');
      leader.process.kill('SIGKILL');
      await ended;
      await untilLed(address, (led) => led !== before);
    },
    restartClient: async () => {
      await endAgent(tasks.process);
      Object.assign(tasks, launch(tasks.file));
      await untilLed(address, () => true);
    },
    stop,
  };
}

async function readLeader(address: string): Promise<string> {
  const response = await fetch(`${address}/v1/status/leader`, { signal: AbortSignal.timeout(5_000) });
  return response.ok ? ((await response.json()) as string) : '';
}

async function untilLed(address: string, isMeant: (leader: string) => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const leader = await readLeader(address).catch(() => '');
    if (leader !== '' && isMeant(leader)) return;
    await delay(100);
  }
  throw new Error('no server led within 60 s');
}
