import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { runDeploy } from '../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../src/commands/deploy/deploy-flags.ts';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Artifact } from '../../src/core/types.ts';
import { testContext } from '../helpers/context.ts';
import { listenOnLoopback } from '../helpers/port.ts';
import { type AppServer, startAppServer } from './app-server.ts';
import { startNomad } from './nomad.ts';

/** One recorded answer: which part of a job's state it is, and its JSON, without what Saddlebag never reads. */
interface Recorded {
  readonly part: string;
  readonly answer: unknown;
}

/** Keys of Nomad's answers that are kept; all others are noise, or tell of the machine. */
const keptKeys = new Set(
  `
  Annotations AutoPromote AutoRevert Changes ClientStatus ConstraintFiltered Count CreateIndex CreateTime
  DeploymentID DeploymentStatus DesiredCanaries DesiredStatus DesiredTGUpdates DesiredTotal
  DestructiveUpdate Details Diff DimensionExhausted DisplayMessage EvalID Events ExitCode Failed
  FailedTGAllocs Fields FollowupEvalID Healthy HealthyAllocs ID Ignore InPlaceUpdate JobModifyIndex
  JobVersion Name New NextAllocation NodesAvailable NodesEvaluated NodesExhausted NodesFiltered Objects
  Old oom_killed Place PlacedAllocs Promoted Restarts Signal Stable State Status StatusDescription Stop
  SubmitTime TaskGroup TaskGroups Tasks TaskStates Time Timestamp TriggeredBy Type UnhealthyAllocs Version
  `.split(/\s+/),
);
/** Objects whose keys are names, not fields. */
const mapKeys = new Set([
  'ConstraintFiltered',
  'DesiredTGUpdates',
  'DimensionExhausted',
  'FailedTGAllocs',
  'NodesAvailable',
  'TaskGroups',
  'TaskStates',
]);

function prune(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((item) => prune(item));
  if (typeof value === 'string') return value.replace(/\/tmp\/saddlebag-nomad-\w+/g, '');
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => inner !== null && (isMap || keptKeys.has(key)));
  return Object.fromEntries(kept.map(([key, inner]) => [key, prune(inner, mapKeys.has(key))]));
}

/** Passes calls on to the agent and keeps the answers about the state of jobs. */
async function startTap(agent: string, records: Recorded[]): Promise<{ address: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const answer = await fetch(`${agent}${request.url}`, {
      method: request.method ?? 'GET',
      ...(body.length === 0 ? {} : { body: Buffer.concat(body) }),
    }).catch(() => undefined);
    // The last blocking queries end with the agent.
    if (answer === undefined) return void response.destroy();
    const text = await answer.text();
    const part = /^\/v1\/job\/[^/?]+(?:\/(evaluations|deployments|allocations|plan))?(?:\?|$)/.exec(
      request.url ?? '',
    );
    if (answer.ok && part !== null && (request.method === 'GET' || part[1] === 'plan')) {
      const name = part[1] ?? 'job';
      const pruned = prune(JSON.parse(text));
      const last = records.findLast((one) => one.part === name);
      // A blocking query also answers when something changed that is not kept.
      if (JSON.stringify(last?.answer) !== JSON.stringify(pruned))
        records.push({ part: name, answer: pruned });
    }
    const index = answer.headers.get('x-nomad-index');
    response.writeHead(answer.status, index === null ? {} : { 'x-nomad-index': index }).end(text);
  });
  return { address: `http://127.0.0.1:${await listenOnLoopback(server)}`, server };
}

/** A deploy, or what somebody else does meanwhile. */
type Deploy = (artifact: Artifact, flags?: DeployFlags) => Promise<void>;

const fast: DeployFlags = { minHealthyTime: '1s' };
/** For what ends by itself, and is not updated. */
const plain: DeployFlags = { minHealthyTime: undefined };

interface Scenario {
  /** Brings the job into the state that the recording starts from. */
  readonly before?: (apps: AppServer, deploy: Deploy) => Promise<void>;
  readonly run: (apps: AppServer, deploy: Deploy, stop: () => Promise<void>) => Promise<void>;
}

const scenarios: Readonly<Record<string, Scenario>> = {
  healthy: { run: (apps, deploy) => deploy(apps.release('1', 'sleep')) },
  crash: { run: (apps, deploy) => deploy(apps.release('1', 'exit 3 no DATABASE_URL')) },
  'crash-reverted': {
    before: (apps, deploy) => deploy(apps.release('1', 'sleep')),
    run: (apps, deploy) => deploy(apps.release('2', 'exit 3 no DATABASE_URL')),
  },
  'bad-checksum': {
    run: (apps, deploy) => {
      const artifact = apps.release('1', 'sleep');
      const checksum = `sha256:${'0'.repeat(64)}`;
      const source = artifact.source.replace(artifact.checksum, checksum);
      return deploy({ ...artifact, source, checksum });
    },
  },
  'not-placed': {
    run: (apps, deploy) =>
      deploy(apps.release('1', 'sleep'), { memory: '9999999', queue: true, timeout: '2s' }),
  },
  unchanged: {
    before: (apps, deploy) => deploy(apps.release('1', 'sleep')),
    run: (apps, deploy) => deploy(apps.release('1', 'sleep')),
  },
  superseded: {
    run: async (apps, deploy) => {
      const first = deploy(apps.release('1', 'sleep'), { minHealthyTime: '8s' });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await Promise.all([first, deploy(apps.release('2', 'sleep'), { detach: true })]);
    },
  },
  stopped: {
    run: async (apps, deploy, stop) => {
      const first = deploy(apps.release('1', 'sleep'), { minHealthyTime: '8s' });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await stop();
      await first;
    },
  },
  'canary-waits': {
    before: (apps, deploy) => deploy(apps.release('1', 'sleep')),
    run: (apps, deploy) => deploy(apps.release('2', 'sleep'), { canary: '1' }),
  },
  'canary-failed': {
    before: (apps, deploy) => deploy(apps.release('1', 'sleep')),
    run: (apps, deploy) => deploy(apps.release('2', 'exit 3 bad canary'), { canary: '1' }),
  },
  'canary-promoted': {
    before: (apps, deploy) => deploy(apps.release('1', 'sleep')),
    run: (apps, deploy) => deploy(apps.release('2', 'sleep'), { canary: '1', autoPromote: true }),
  },
  deadline: {
    run: (apps, deploy) =>
      deploy(apps.release('1', 'sleep'), {
        ...{ port: ['http'], killTimeout: '1s', failFast: false },
        ...{ healthyDeadline: '3s', progressDeadline: '4s' },
      }),
  },
  system: { run: (apps, deploy) => deploy(apps.release('1', 'sleep'), { type: 'system' }) },
  'system-failed': {
    run: (apps, deploy) => deploy(apps.release('1', 'exit 3 no DATABASE_URL'), { type: 'system' }),
  },
  sysbatch: {
    run: (apps, deploy) => deploy(apps.release('1', 'exit 0 done'), { ...plain, type: 'sysbatch' }),
  },
  'batch-complete': {
    run: (apps, deploy) => deploy(apps.release('1', 'exit 0 done'), { ...plain, type: 'batch' }),
  },
  'batch-failed': {
    run: (apps, deploy) => deploy(apps.release('1', 'exit 4 bad input'), { ...plain, type: 'batch' }),
  },
  'no-start': {
    before: (apps, deploy) => deploy(apps.release('1', 'sleep')),
    run: (apps, deploy) => deploy(apps.release('1', 'sleep'), { count: '0' }),
  },
};

async function record(name: string, agent: string, apps: AppServer): Promise<void> {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const records: Recorded[] = [];
  const tap = await startTap(agent, records);
  const deploy: Deploy = async (artifact, flags = {}) => {
    const input = {
      artifact: '-',
      flags: { job: name, group: 'web', ...fast, ...flags },
      readStdin: async () => JSON.stringify(artifact),
    };
    await runDeploy(input, testContext({ env: { NOMAD_ADDR: tap.address } })).catch((cause: unknown) => {
      if (!(cause instanceof SaddlebagError)) throw cause;
      process.stdout.write(`${name}: ${cause.message}\n`);
    });
  };
  await scenario.before?.(apps, deploy);
  records.length = 0;
  const stop = async () => {
    await fetch(`${agent}/v1/job/${name}`, { method: 'DELETE' });
  };
  await scenario.run(apps, deploy, stop);
  tap.server.closeAllConnections();
  tap.server.close();
  const lines = records.map((one) => JSON.stringify(one)).join(',\n');
  const file = fileURLToPath(new URL(`../fixtures/nomad/${name}.json`, import.meta.url));
  await writeFile(file, `[\n${lines}\n]\n`);
}

const nomad = await startNomad();
const apps = await startAppServer();
try {
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(scenarios)) {
    await record(name, nomad.address, apps);
  }
} finally {
  await apps.stop();
  await nomad.stop();
}
