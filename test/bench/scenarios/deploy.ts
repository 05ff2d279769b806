import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtCli, saddlebag } from '../../helpers/cli.ts';
import { findTool } from '../../helpers/needs.ts';
import { type Minio, startMinio } from '../../stack/minio.ts';
import { type NomadStack, startNomad } from '../../stack/nomad.ts';
import type { Findings } from '../figure.ts';
import { type Command, inTurn, time } from '../measure.ts';
import type { Payload } from '../payloads.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { ratios, summarize } from '../statistics.ts';

const limitMs = 3_000;
const flags = ['--port', 'http', '--check-path', '/'];
const contenders = ['saddlebag', 'nomad'] as const;

type Contender = (typeof contenders)[number];

/** One deploy of a job that was not there before, in milliseconds. */
interface Deployed {
  /** From the command's start to its end: both wait until Nomad calls the deployment successful. */
  readonly commandMs: number;
  /** From submission to health by Nomad's own clock. */
  readonly healthyMs: number;
}

/** Publishes the app, and returns its source. */
async function publish({ bundle }: Payload, { endpoint, accessKey, secretKey }: Minio): Promise<string> {
  const env = { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
  const args = ['publish', bundle.file, '--to', 's3://bundles/apps', '--endpoint', endpoint];
  const { exitCode, stdout, stderr } = await saddlebag(args, { env });
  if (exitCode !== 0) throw new Error(`saddlebag publish: ${stderr}`);
  return stdout.trim();
}

/** Says how a contender deploys the same settings under a name of its own. */
async function commandOf(
  contender: Contender,
  job: { readonly id: string; readonly source: string },
  { place, address, nomad }: { readonly place: string; readonly address: string; readonly nomad: string },
): Promise<Command> {
  const env = { NOMAD_ADDR: address };
  const args = ['deploy', job.source, '--job', job.id, ...flags];
  if (contender === 'saddlebag')
    return { file: process.execPath, args: [builtCli, ...args, '--quiet'], env, asRoot: true };
  const { stdout } = await saddlebag([...args, '--dry-run'], { env: { PATH: process.env.PATH, ...env } });
  const file = join(place, `${job.id}.nomad.hcl`);
  writeFileSync(file, stdout);
  return { file: nomad, args: ['job', 'run', file], env, asRoot: true };
}

async function readHealthyMs(address: string, id: string): Promise<number> {
  const ask = async (path: string) => (await fetch(`${address}/v1/job/${id}${path}`)).json();
  const { SubmitTime } = (await ask('')) as { readonly SubmitTime: number };
  const [allocation] = (await ask('/allocations')) as {
    readonly DeploymentStatus?: { readonly Timestamp: string };
  }[];
  return Date.parse(allocation?.DeploymentStatus?.Timestamp ?? '') - SubmitTime / 1e6;
}

async function measureDeploys(
  source: string,
  server: { readonly place: string; readonly address: string; readonly nomad: string },
  rounds: number,
): Promise<Readonly<Record<Contender, readonly Deployed[]>>> {
  const samples = { saddlebag: [] as Deployed[], nomad: [] as Deployed[] };
  for (let round = 0; round <= rounds; round++) {
    for (const contender of inTurn(contenders, round)) {
      const id = `flask-${contender}-${round}`;
      const commandMs = time(await commandOf(contender, { id, source }, server));
      const healthyMs = await readHealthyMs(server.address, id);
      if (round > 0) samples[contender].push({ commandMs, healthyMs });
      await fetch(`${server.address}/v1/job/${id}`, { method: 'DELETE' });
    }
  }
  return samples;
}

function findingsOf({
  saddlebag: ours,
  nomad: theirs,
}: Awaited<ReturnType<typeof measureDeploys>>): Findings {
  const healthy = summarize(ours.map(({ healthyMs }) => healthyMs));
  const [our, their] = [ours, theirs].map((all) => all.map(({ commandMs }) => commandMs));
  const figure = { payload: 'Flask', unit: 'ms' } as const;
  return {
    beside: '`nomad job run`',
    figures: [
      { ...figure, what: 'Saddlebag', detail: 'submission to health', ...healthy },
      {
        ...figure,
        what: '`nomad job run`',
        detail: 'submission to health',
        ...summarize(theirs.map(({ healthyMs }) => healthyMs)),
      },
      {
        ...figure,
        what: 'Saddlebag',
        detail: 'the whole command',
        ...summarize(our ?? []),
        ratio: summarize(ratios(our ?? [], their ?? [])).median,
      },
      { ...figure, what: '`nomad job run`', detail: 'the whole command', ...summarize(their ?? []) },
    ],
    targets: [
      {
        what: 'The Flask app, from submission to health, on clients as docs/nomad-clients.md has them',
        limit: `under ${limitMs / 1000} s`,
        measured: `${(healthy.median / 1000).toFixed(1)} s`,
        met: healthy.median < limitMs,
      },
    ],
    notes: [],
  };
}

async function run(bench: Bench): Promise<Findings> {
  const nomad = findTool('nomad');
  if (nomad === undefined || findTool('minio') === undefined) {
    return { figures: [], targets: [], notes: ['Deploying was not measured: nomad or minio is not there.'] };
  }
  const flask = await bench.payloads.flask();
  const stacks: (Minio | NomadStack)[] = [];
  try {
    const minio = await startMinio();
    stacks.push(minio);
    const agent = await startNomad();
    stacks.push(agent);
    await minio.makeBucket('bundles', { public: true });
    const server = { place: bench.place, address: agent.address, nomad };
    const rounds = Math.max(1, Math.round(bench.rounds / 2));
    return findingsOf(await measureDeploys(await publish(flask, minio), server, rounds));
  } finally {
    for (const stack of stacks.toReversed()) await stack.stop();
  }
}

export const deploying: Scenario = {
  name: 'deploy',
  title: 'From submission to health',
  lead: '`saddlebag deploy SOURCE --port http --check-path /`, nothing else said, beside `nomad job run` of the file that `--dry-run` prints, in turn; each time a job that was not there before. Nomad 2.0.5 with the `chroot_env` of [nomad-clients.md](nomad-clients.md), MinIO on the same machine. Health is what Nomad notes for the allocation; both commands wait until it calls the deployment successful, one to two seconds later.',
  run,
};
