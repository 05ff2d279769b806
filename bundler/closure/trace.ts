import { mkdtemp, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { findOnPath, isExecutableFile } from './locate.ts';
import { parseStrace, type TracedEvent } from './strace.ts';
import type { Workplace } from './workplace.ts';

/** What a traced run used, by the paths that it used. */
export interface TracedFiles {
  readonly opened: readonly string[];
  readonly executed: readonly string[];
}

/**
 * Runs a command under strace and returns the files that it read and the programs that it started: those of `app` and
 * its children where the command starts it, else all.
 * @throws {SaddlebagError} `trace-unavailable`, `trace-failed`
 */
export async function traceCommand(
  command: readonly string[],
  app: string,
  place: Workplace,
): Promise<TracedFiles> {
  const { context, workDirectory } = place;
  const strace = await findOnPath('strace', context.env);
  if (strace === undefined) {
    throw new SaddlebagError('trace-unavailable', 'cannot trace the command: strace is not on PATH', {
      hint: 'install strace, or name with --include what the app opens',
      exitCode: exitCodes.usage,
    });
  }
  await requireCommand(command[0] ?? '', context);
  const directory = await mkdtemp(join(workDirectory, 'trace-'));
  report(`running ${command.join(' ')} under strace`, place);
  const result = await context.exec(strace, [...straceFlags(directory), '--', ...command], {
    cwd: context.cwd,
    env: context.env,
    signal: context.signal,
  });
  if (result.exitCode !== 0) throw traceFailed(command, result);
  const processes = await readProcesses(directory);
  const used = collectUsed(processes, await realpath(app));
  report(`the command read ${used.opened.length} files and started ${used.executed.length} programs`, place);
  return used;
}

/** Told by strace(1), it would be a failure of the command. */
async function requireCommand(program: string, { cwd, env }: Workplace['context']): Promise<void> {
  const isThere = program.includes('/')
    ? await isExecutableFile(resolve(cwd, program))
    : (await findOnPath(program, env)) !== undefined;
  if (isThere) return;
  throw new SaddlebagError('trace-failed', `cannot trace ${program}: there is no such program`, {
    hint: 'behind -- comes a command of this machine, by its path or a name on PATH',
    exitCode: exitCodes.usage,
  });
}

/** One file a process, so that no line is cut by another process; only what succeeded, descriptors with paths. */
function straceFlags(directory: string): string[] {
  const calls = 'trace=open,openat,openat2,execve,execveat,clone,clone3,fork,vfork';
  return ['-ff', '-y', '-z', '-qqq', '-e', calls, '-e', 'signal=none', '-o', join(directory, 'process')];
}

async function readProcesses(directory: string): Promise<Map<number, readonly TracedEvent[]>> {
  const processes = new Map<number, readonly TracedEvent[]>();
  for (const name of await readdir(directory)) {
    const pid = Number(name.split('.').at(-1));
    processes.set(pid, await resolveStarted(parseStrace(await readFile(join(directory, name), 'latin1'))));
  }
  return processes;
}

async function resolveStarted(events: readonly TracedEvent[]): Promise<TracedEvent[]> {
  return Promise.all(
    events.map(async (event) =>
      event.kind === 'start' ? { ...event, real: await realpath(event.path).catch(() => event.path) } : event,
    ),
  );
}

/** Sums up what traced processes did, by their numbers: those of the app where one of them starts it, else all. */
export function collectUsed(
  processes: ReadonlyMap<number, readonly TracedEvent[]>,
  app: string,
): TracedFiles {
  const all = [...processes.values()].flat();
  const startsApp = all.some((event) => event.kind === 'start' && event.real === app);
  const children = new Set(all.flatMap((event) => (event.kind === 'child' ? [event.pid] : [])));
  const opened = new Set<string>();
  const executed = new Set<string>();
  const walked = new Set<string>();
  const walk = (pid: number, inherited: boolean, isFirst: boolean): void => {
    // The kernel gives the number of a process that ended to another, which may descend from it.
    const visit = `${pid} ${inherited}`;
    if (walked.has(visit)) return;
    walked.add(visit);
    let counts = inherited;
    let first = isFirst;
    for (const event of processes.get(pid) ?? []) {
      if (event.kind === 'child') walk(event.pid, counts, false);
      else if (event.kind === 'open') {
        if (counts) opened.add(event.path);
      } else {
        // What the user wrote as the command is no part of the app, unless the app starts it too.
        if (counts && !first && event.real !== app) executed.add(event.path);
        counts ||= event.real === app;
        first = false;
      }
    }
  };
  for (const pid of processes.keys()) if (!children.has(pid)) walk(pid, !startsApp, true);
  return { opened: [...opened].sort(), executed: [...executed].sort() };
}

function traceFailed(
  command: readonly string[],
  {
    exitCode,
    failure,
    stderr,
  }: { exitCode: number | undefined; failure: string | undefined; stderr: string },
): SaddlebagError {
  const lines = stderr.trim().split('\n').slice(-5).join('\n');
  const ending =
    exitCode === undefined ? (failure ?? 'it did not end') : `it ended with exit code ${exitCode}`;
  return new SaddlebagError(
    'trace-failed',
    `cannot trace ${basename(command[0] ?? '')}: ${ending}${lines === '' ? '' : `\n${lines}`}`,
    { hint: hintFor(exitCode) },
  );
}

/** Servers and windows end by being stopped: by timeout(1), which then says 124, or by a signal. */
function hintFor(exitCode: number | undefined): string {
  const wasStopped = exitCode === undefined || exitCode === 124 || exitCode > 128;
  return wasStopped
    ? "the command must succeed; what runs until it is stopped, stop in it: --trace -- sh -c 'timeout 5 app; true'"
    : 'the command must succeed; only what it opens until it ends is found';
}

function report(message: string, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message });
}
