/*
 * `npm run demo`: bundle, publish, serve and run the pet taxi. On Nomad where an agent answers, else as a process of its
 * own from a folder that holds nothing else. Leaves nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Artifact } from '../../src/core/types.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const nomadAddress = process.env.NOMAD_ADDR ?? 'http://127.0.0.1:4646';
const job = 'saddlebag-demo';
const deadlineMs = 60_000;

const children = new Set<ChildProcess>();
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
process.once('SIGTERM', () => interrupted.abort(new Error('interrupted')));

const place = await mkdtemp(join(tmpdir(), 'saddlebag-demo-'));
// What bundle and publish keep for the next time goes with the rest.
process.env.SADDLEBAG_BUILD_CACHE = join(place, 'build-cache');
try {
  await demo();
} catch (cause) {
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
  say(`demo failed: ${cause instanceof Error ? cause.message : cause}`);
} finally {
  await Promise.all([...children].map(stop));
  await rm(place, { recursive: true, force: true });
}

async function demo(): Promise<void> {
  const bundle = await saddlebag(
    'bundle',
    'examples/pet-taxi/pet-taxi',
    '--app-version',
    '0.1.0',
    '--compress',
    'fast',
    '-o',
    join(place, 'pet-taxi-0.1.0'),
  );
  const folder = join(place, 'www');
  await mkdir(folder);
  const url = await serve(folder);
  const artifact = join(place, 'artifact.json');
  const published = await saddlebag(
    'publish',
    bundle.trim(),
    '--to',
    folder,
    '--download-url',
    url,
    '--json',
    '--quiet',
  );
  await writeFile(artifact, published);
  const deploy = [
    'deploy',
    artifact,
    '--job',
    job,
    '--port',
    'http',
    '--check-path',
    '/health',
    '--env',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad fills it in
    'HOST=${NOMAD_IP_http}',
  ];
  say(await saddlebag(...deploy, '--dry-run'));
  if (await nomadAnswers()) await runOnNomad(deploy);
  else await runAlone(JSON.parse(published) as Artifact);
}

async function runOnNomad(deploy: readonly string[]): Promise<void> {
  try {
    await saddlebag(...deploy);
    const [service] = await nomad<{ Address: string; Port: number }[]>('GET', `/v1/service/${job}`);
    if (service === undefined) throw new Error(`Nomad knows no service ${job}`);
    await showPage(`http://${service.Address}:${service.Port}/`);
  } finally {
    await purge();
  }
}

/** Stops the job and waits until the agent has removed what its allocations had: processes, mounts, folders. */
async function purge(): Promise<void> {
  const allocations = await nomad<{ ID: string }[]>('GET', `/v1/job/${job}/allocations`);
  // Purged at once, the job would be forgotten while its allocations still end.
  await nomad('DELETE', `/v1/job/${job}`);
  for (const { ID } of allocations) {
    // An allocation that the agent no longer knows is gone as well.
    await until(
      () => statusOf(ID).then((status) => status !== 'running' && status !== 'pending'),
      `allocation ${ID} ends`,
    );
    await nomad('GET', `/v1/client/allocation/${ID}/gc`).catch(() => undefined);
  }
  await nomad('DELETE', `/v1/job/${job}?purge=true`);
  say(`the job ${job} is stopped and purged`);
}

async function statusOf(allocation: string): Promise<string> {
  return nomad<{ ClientStatus: string }>('GET', `/v1/allocation/${allocation}`).then(
    ({ ClientStatus }) => ClientStatus,
    () => 'gone',
  );
}

async function runAlone(artifact: Artifact): Promise<void> {
  say(`no Nomad agent answers at ${nomadAddress}: starting what was published in an empty folder instead`);
  const response = await fetch(artifact.url, { signal: interrupted.signal });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== artifact.checksum) {
    throw new Error(`${artifact.url} is not what was published`);
  }
  const host = join(place, 'host');
  await mkdir(host);
  await writeFile(join(host, 'app'), bytes);
  await chmod(join(host, 'app'), 0o755);
  const port = await freePort();
  const app = start(join(host, 'app'), [], {
    cwd: host,
    env: { PORT: String(port), SADDLEBAG_CACHE_DIR: join(place, 'cache') },
  });
  await showPage(`http://127.0.0.1:${port}/`);
  await stop(app);
}

/** Runs the built command as its user would, and returns what it printed on stdout. */
async function saddlebag(...args: string[]): Promise<string> {
  say(`$ saddlebag ${args.map((arg) => (/[\s$]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`);
  const child = start(process.execPath, [join(root, 'dist/src/cli.js'), ...args], { cwd: root });
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = await once(child, 'close');
  interrupted.signal.throwIfAborted();
  if (code !== 0) throw new Error(`saddlebag ${args[0]} ended with ${code}`);
  return out;
}

async function serve(folder: string): Promise<string> {
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  say(`$ saddlebag serve ${folder} --listen ${listen} &`);
  start(process.execPath, [join(root, 'dist/src/cli.js'), 'serve', folder, '--listen', listen, '--quiet'], {
    cwd: root,
  });
  await answers(`http://${listen}/`);
  return `http://${listen}`;
}

function start(
  file: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): ChildProcess {
  const child = spawn(file, [...args], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('close', () => children.delete(child));
  child.on('error', (cause) => say(`cannot start ${file}: ${cause.message}`));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}

async function showPage(url: string): Promise<void> {
  const page = await answers(url);
  say(`$ curl ${url}`);
  process.stdout.write(page);
}

/** Asks until something answers, and returns the page. */
async function answers(url: string): Promise<string> {
  let page = '';
  await until(async () => {
    page = await (await fetch(url, { signal: AbortSignal.timeout(2000) })).text();
    return true;
  }, `${url} answers`);
  return page;
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!(await holds().catch(() => false))) {
    interrupted.signal.throwIfAborted();
    if (Date.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function nomadAnswers(): Promise<boolean> {
  return nomad('GET', '/v1/status/leader').then(
    () => true,
    () => false,
  );
}

async function nomad<T>(method: string, path: string): Promise<T> {
  const token = process.env.NOMAD_TOKEN;
  const response = await fetch(new URL(path, nomadAddress), {
    method,
    headers: token === undefined ? {} : { 'X-Nomad-Token': token },
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`Nomad answered ${response.status} to ${method} ${path}`);
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function say(text: string): void {
  process.stderr.write(`\n${text}\n`);
}
