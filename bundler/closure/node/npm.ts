import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { ErrorCode } from '../../../src/core/codes.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { withoutOwnSecrets } from '../../../src/core/own-secrets.ts';
import { printable } from '../../../src/core/printable.ts';
import { findOnPath } from '../locate.ts';
import { hideCredentials } from '../project/tool.ts';
import type { Workplace } from '../workplace.ts';
import type { NodeInterpreter } from './interpreter.ts';
import type { NodeProject } from './manifest.ts';

/** npm of this machine, run by the Node that will run the app: native addons are built for that one. */
export interface Npm {
  readonly file: string;
  readonly node: NodeInterpreter;
}

/** A run of npm; its failure reads `cannot <purpose>: npm: …`. */
interface NpmRun {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly purpose: string;
}

interface Failure {
  readonly code: ErrorCode;
  readonly hint: string;
}

const network: Failure = {
  code: 'install-failed',
  hint: 'check the network, and the proxy or registry of .npmrc',
};
const credentials: Failure = {
  code: 'install-failed',
  hint: 'the registry refuses the credentials: log in (npm login), or set its _authToken in ~/.npmrc',
};

/** npm's own codes, which `--json` prints. */
const failures: Readonly<Record<string, Failure>> = {
  EUSAGE: { code: 'lock-outdated', hint: 'bring the lock up to date: npm install --package-lock-only' },
  EBADENGINE: { code: 'interpreter-unfit', hint: 'choose another Node with --node=PATH' },
  EBADPLATFORM: { code: 'install-failed', hint: 'the package is for another system or processor' },
  E401: credentials,
  E403: credentials,
  ENEEDAUTH: credentials,
  E404: {
    code: 'install-failed',
    hint: 'check the name, and whether .npmrc names the registry that has it',
  },
  ETARGET: { code: 'install-failed', hint: 'check the version: the registry has others' },
  EINTEGRITY: {
    code: 'install-failed',
    hint: 'what the registry serves is not what the lock names: make the lock anew, or find out who changed it',
  },
  ENOTFOUND: network,
  EAI_AGAIN: network,
  ECONNREFUSED: network,
  ETIMEDOUT: network,
  ENOTCACHED: network,
};

/**
 * Finds npm.
 * @throws {SaddlebagError} `installer-missing`
 */
export async function findNpm(node: NodeInterpreter, { context }: Workplace): Promise<Npm> {
  const file = await findOnPath('npm', { PATH: `${dirname(node.asked)}:${context.env.PATH ?? ''}` });
  if (file !== undefined) return { file, node };
  throw new SaddlebagError('installer-missing', 'cannot install the dependencies: npm is not on PATH', {
    hint: 'install npm (apt install npm), or put its directory on PATH',
  });
}

/**
 * Asks npm whether a project accepts the Node that is to run it.
 * @throws {SaddlebagError} `interpreter-unfit`
 */
export async function checkEngine(project: NodeProject, npm: Npm, place: Workplace): Promise<void> {
  if (project.engine === null) return;
  // An empty project of the same demands: the real one would be refused for those of its dependencies too.
  const cwd = join(place.workDirectory, 'engine');
  await mkdir(cwd, { recursive: true });
  const document = { name: project.name ?? 'app', version: '0.0.0', engines: { node: project.engine } };
  await writeFile(join(cwd, 'package.json'), JSON.stringify(document));
  const args = ['install', '--engine-strict', '--offline', '--no-package-lock'];
  await runNpm(
    npm,
    { args, cwd, purpose: `bundle ${project.directory} with Node ${npm.node.version}` },
    place,
  );
}

/**
 * Installs the production dependencies of the copy of a project in `directory`: as its lock says where it has one. The
 * scripts of dependencies run, those of the project itself don't: they prepare a checkout, and call development tools.
 * @throws {SaddlebagError} `install-failed`, `lock-outdated`
 */
export async function installModules(
  project: NodeProject,
  npm: Npm,
  directory: string,
  place: Workplace,
): Promise<void> {
  const purpose = `install the dependencies of ${project.directory}`;
  const command = project.lock === null ? 'install' : 'ci';
  const args = [command, '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  await runNpm(npm, { args, cwd: directory, purpose }, place);
  await runNpm(
    npm,
    { args: ['rebuild'], cwd: directory, purpose: `build the addons of ${project.directory}` },
    place,
  );
}

async function runNpm({ file, node }: Npm, { args, cwd, purpose }: NpmRun, place: Workplace): Promise<void> {
  const { context, workDirectory } = place;
  const tmp = join(workDirectory, 'tmp');
  await mkdir(tmp, { recursive: true });
  const env = {
    ...withoutOwnSecrets(context.env),
    PATH: `${dirname(node.asked)}${delimiter}${context.env.PATH ?? ''}`,
    TMPDIR: tmp,
    // Debuggers' notes name the directory of the build.
    CFLAGS: [context.env.CFLAGS, '-g0'].filter((flags) => flags !== undefined).join(' '),
    CXXFLAGS: [context.env.CXXFLAGS, '-g0'].filter((flags) => flags !== undefined).join(' '),
    NODE_OPTIONS: undefined,
    NODE_PATH: undefined,
    npm_config_update_notifier: 'false',
    npm_config_global: undefined,
  };
  const result = await context.exec(file, [...args, '--json'], { cwd, env, signal: context.signal });
  context.signal.throwIfAborted();
  if (result.exitCode === 0) return;
  const { code, reason } = parseFailure(result.stdout, result.stderr);
  const output = hideCredentials(result.stderr.trim());
  for (const line of output.split('\n').slice(-40)) {
    context.reporter.report({ kind: 'detail', stage: 'closure', message: printable(line) });
  }
  const known = failures[code] ?? { code: 'install-failed', hint: hintFor(output) };
  const shown = printable(hideCredentials(reason)) || result.failure || `exit ${result.exitCode}`;
  throw new SaddlebagError(known.code, `cannot ${purpose}: npm: ${shown}`, { hint: known.hint });
}

/** What `npm --json` says of a failure: a code, and a summary of which the last plain sentence tells most. */
function parseFailure(stdout: string, stderr: string): { readonly code: string; readonly reason: string } {
  try {
    const { error } = JSON.parse(stdout) as {
      error?: { code?: unknown; summary?: unknown; detail?: unknown };
    };
    const code = String(error?.code ?? '');
    const paragraphs = String(error?.summary ?? '').split('\n\n');
    const detail = String(error?.detail ?? '');
    const reason =
      code === 'EUSAGE' ? (paragraphs[1] ?? paragraphs[0]) : code === 'EBADENGINE' ? detail : paragraphs[0];
    if (reason !== undefined && reason !== '')
      return { code, reason: reason.trim().replace(/\s*\n\s*/g, '; ') };
  } catch {
    // Without JSON its last line has to do.
  }
  return { code: '', reason: stderr.trim().split('\n').at(-1) ?? '' };
}

function hintFor(output: string): string {
  return /gyp|make: |g\+\+|compiler/.test(output)
    ? 'an addon has to be compiled: apt install build-essential python3'
    : 'the lines above are what npm says';
}
