import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtCli } from './cli.ts';

/** How a command ended that ran on a terminal, and what stood there. */
export interface TerminalResult {
  readonly exitCode: number | null;
  /** stdout and stderr, as the terminal had them: lines end in CR LF. */
  readonly text: string;
}

/**
 * Runs the built command on a terminal of its own, and types `keys` once `prompt` stands there.
 * Source: script(1) of util-linux, which makes the terminal.
 */
export async function typeAt(
  args: readonly string[],
  { prompt, keys, ...options }: TypeOptions,
): Promise<TerminalResult> {
  const line = [process.execPath, builtCli, ...args].map((each) => `'${each}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', `exec ${line}`, '/dev/null'], {
    ...options,
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  let text = '';
  let hasTyped = false;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (hasTyped || !text.includes(prompt)) return;
    hasTyped = true;
    child.stdin.write(keys);
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, text };
}

export interface TypeOptions {
  readonly prompt: string;
  readonly keys: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}
