import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** The unprivileged user that tests start bundles as. */
export const nobody = { uid: 65534, gid: 65534 } as const;

/**
 * Starts a program that goes on beside the test and is killed when the test ends.
 */
export function startChild(file: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(file, [...args], { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  return child;
}

/**
 * Asks a URL until it answers and returns the page.
 * @throws when nothing has answered within `deadlineMs`
 */
export async function fetchWhenUp(url: string, deadlineMs = 30_000): Promise<string> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await (await fetch(url, { signal: AbortSignal.timeout(5000) })).text();
    } catch (cause) {
      if (Date.now() > endMs) throw new Error(`nothing answers at ${url}`, { cause });
      await delay(50);
    }
  }
}
