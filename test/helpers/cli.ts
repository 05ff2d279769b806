import { fileURLToPath } from 'node:url';
import { type ExecOptions, type ExecResult, execProcess } from '../../src/core/exec.ts';

/** The built command; `npm test` builds it first. */
export const builtCli = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));

/**
 * Runs the built command as a user would, to its end.
 */
export async function saddlebag(args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return execProcess(process.execPath, [builtCli, ...args], { timeoutMs: 120_000, ...options });
}

/**
 * Runs the built command with `--json` and returns what it printed; fails with its stderr when it fails.
 */
export async function saddlebagJson<T>(args: readonly string[], options: ExecOptions = {}): Promise<T> {
  const result = await saddlebag([...args, '--json'], options);
  if (result.exitCode !== 0) throw new Error(`saddlebag ${args.join(' ')}:\n${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}
