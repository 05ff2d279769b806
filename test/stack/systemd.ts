import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecResult, execProcess } from '../../src/core/exec.ts';
import { findTool } from '../helpers/needs.ts';

/** What `describeWith` needs before `startSystemd` can work. */
export const systemdTools = ['systemd-nspawn', 'nsenter', 'root'] as const;

/** A systemd of the test's own, as PID 1 of a container with this machine's /usr and nothing else of it. */
export interface SystemdStack {
  /** Where the container's root is seen from outside. */
  readonly root: string;
  /** Runs a program in the container. */
  run(...command: readonly string[]): Promise<ExecResult>;
  stop(): Promise<void>;
}

const bootDeadlineMs = 60_000;

/**
 * Boots systemd up to its basic target. /usr is this machine's, read-only; all else is in memory. The network is this
 * machine's.
 * Source: systemd-nspawn(1), `--volatile=yes`.
 */
export async function startSystemd(): Promise<SystemdStack> {
  const nspawn = findTool('systemd-nspawn');
  if (nspawn === undefined) throw new Error('systemd-nspawn is not on PATH');
  const name = `saddlebag-${process.pid}`;
  const options = ['--directory=/', '--volatile=yes', `--machine=${name}`, '--register=no', '--keep-unit'];
  const child = spawn(nspawn, [...options, '--console=pipe', '--boot', 'systemd.unit=basic.target'], {
    env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    // The second ends what does not halt; what is inside ends with its PID 1.
    const forced = setTimeout(() => child.kill('SIGTERM'), 20_000);
    await ended;
    clearTimeout(forced);
  };
  try {
    const leader = await bootedLeader(child.pid ?? 0, () => child.exitCode !== null);
    return {
      root: `/proc/${leader}/root`,
      run: (...command) => enter(leader, command),
      stop,
    };
  } catch (cause) {
    await stop();
    throw new Error(`systemd did not boot:\n${log.slice(-2000)}`, { cause });
  }
}

function enter(leader: string, command: readonly string[]): Promise<ExecResult> {
  return execProcess('nsenter', ['--target', leader, '--all', '--', ...command], { timeoutMs: 60_000 });
}

/** Waits for the container's PID 1, and for its word that it is up. */
async function bootedLeader(nspawnPid: number, hasEnded: () => boolean): Promise<string> {
  const deadline = Date.now() + bootDeadlineMs;
  while (Date.now() < deadline) {
    if (hasEnded()) throw new Error('systemd-nspawn ended');
    const leader = await firstChild(nspawnPid);
    if (leader !== undefined && (await hasOwnProcesses(leader))) {
      const { stdout } = await enter(leader, ['systemctl', 'is-system-running']);
      // A container without a terminal has no first-boot wizard, which systemd counts as degraded.
      if (['running', 'degraded'].includes(stdout.trim())) return leader;
    }
    await delay(100);
  }
  throw new Error(`it was not up within ${bootDeadlineMs / 1000} s`);
}

async function firstChild(pid: number): Promise<string | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.trim().split(' ')[0] || undefined;
}

/** Before it has namespaces of its own, a command would ask this machine's systemd. */
async function hasOwnProcesses(pid: string): Promise<boolean> {
  const [theirs, ours] = await Promise.all(
    [pid, 'self'].map((each) => readlink(`/proc/${each}/ns/pid`).catch(() => null)),
  );
  return theirs !== null && theirs !== ours;
}
