import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { nobody } from '../../helpers/children.ts';

/** Where a program runs. */
export interface Place {
  readonly name: string;
  /** The root directory; null for this machine's own. */
  readonly root: string | null;
}

/** What a job may do: start its programs by name, here or in another root, and keep files in `work`. */
export interface Stage extends AsyncDisposable {
  /** A directory of the user that programs run as, at the same path in every place, empty at the start of a job. */
  readonly work: string;
  /** Runs a program to its end and returns what it wrote to stdout; throws with its stderr when it fails. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a program that goes on until the stage is disposed of. */
  serve(program: string, args: readonly string[], options?: RunOptions): ChildProcess;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** On a terminal of its own. */
  readonly terminal?: boolean;
}

/** How a stage starts programs. */
export interface StageOptions {
  readonly place: Place;
  /** Seen in every place at its own path; holds all other paths. */
  readonly shared: string;
  readonly work: string;
  /** The bundle's cache. */
  readonly cache: string;
  /** Name of each program → the file that is started. */
  readonly files: Readonly<Record<string, string>>;
  /** The static program that changes the root. */
  readonly enterRoot: string;
}

const timeoutMs = 120_000;

/**
 * Makes a stage for one job. Programs run as an unprivileged user, with an environment of almost nothing.
 */
export function makeStage(options: StageOptions): Stage {
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[], settings: RunOptions = {}) => {
    const argv = commandLine(options, [options.files[program] ?? program, ...args], settings);
    return spawn(argv[0] ?? '', argv.slice(1), {
      cwd: options.work,
      env: environment(options, settings),
      ...(options.place.root === null ? nobody : {}),
    });
  };
  return {
    work: options.work,
    run: (program, args, settings) => finish(program, start(program, args, settings), settings),
    serve: (program, args, settings) => {
      const child = start(program, args, settings);
      child.stdout.resume();
      child.stderr.pipe(process.stderr);
      children.push(child);
      return child;
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) await stop(child);
    },
  };
}

/** Ends a program as a supervisor would. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await closed;
  clearTimeout(killer);
}

function commandLine(
  { place, shared, work, enterRoot }: StageOptions,
  argv: readonly string[],
  { terminal }: RunOptions,
): readonly string[] {
  const entered =
    place.root === null ? argv : [enterRoot, place.root, shared, work, String(nobody.uid), ...argv];
  if (terminal !== true) return entered;
  const quoted = entered.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return ['/usr/bin/script', '-qec', quoted, '/dev/null'];
}

function environment({ work, cache }: StageOptions, { env }: RunOptions): Record<string, string> {
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: work,
    TMPDIR: work,
    SADDLEBAG_CACHE_DIR: cache,
    ...env,
  };
}

async function finish(
  program: string,
  child: ReturnType<typeof spawn>,
  { input }: RunOptions = {},
): Promise<string> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  child.stdin?.on('error', () => undefined).end(input);
  const killer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(killer);
  if (code === 0) return output.stdout;
  throw new Error(`${program} ended with ${code ?? signal}:\n${output.stderr}${output.stdout}`);
}
