import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execProcess } from '../../src/core/exec.ts';

/** What `describeWith` needs before `buildFlask` can work. */
export const flaskTools = ['nix-build', 'nix-store', 'patchelf', 'python3.11', 'pip'] as const;

const fixture = fileURLToPath(new URL('../fixtures/flask-closure/default.nix', import.meta.url));
const cache = fileURLToPath(new URL('../../node_modules/.cache/saddlebag/', import.meta.url));

export interface FlaskRelease {
  readonly version?: string;
  readonly joke?: string;
  /** What it writes to stderr before it ends with 3, instead of serving. */
  readonly crash?: string;
}

/**
 * Builds the Flask closure with Nix from Debian's files and PyPI's wheels, and returns the app's store path. The first
 * build takes some 15 s, a further release under one.
 */
export async function buildFlask(release: FlaskRelease = {}): Promise<string> {
  const wheels = await fetchWheels();
  const settings = { ...release, wheels };
  const args = Object.entries(settings).flatMap(([name, value]) => ['--argstr', name, value]);
  const options = ['--no-out-link', '--option', 'sandbox', 'false', '--option', 'substitute', 'false'];
  const built = await execProcess('nix-build', [fixture, ...args, ...options], { timeoutMs: 240_000 });
  if (built.exitCode !== 0) throw new Error(`nix-build failed: ${built.failure ?? ''}\n${built.stderr}`);
  return built.stdout.trim();
}

/** Fetches Flask's wheels once a checkout. */
async function fetchWheels(): Promise<string> {
  const wheels = join(cache, 'wheels');
  if ((await readdir(wheels).catch(() => [])).length > 0) return wheels;
  const fetched = `${wheels}.${process.pid}`;
  await mkdir(fetched, { recursive: true });
  const args = [
    'download',
    'flask==3.1.2',
    '--dest',
    fetched,
    '--only-binary',
    ':all:',
    '--python-version',
    '3.11',
  ];
  const result = await execProcess('pip', [...args, '--quiet', '--disable-pip-version-check'], {
    timeoutMs: 120_000,
  });
  if (result.exitCode !== 0)
    throw new Error(`pip download failed: ${result.failure ?? ''}\n${result.stderr}`);
  await rm(wheels, { recursive: true, force: true });
  await rename(fetched, wheels);
  return wheels;
}
