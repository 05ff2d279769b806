import { mkdir } from 'node:fs/promises';
import { type ExecOptions, type ExecResult, execProcess } from '../../src/core/exec.ts';
import { builtCli } from './cli.ts';

/** What a private store needs of the machine. */
export const privateStoreTools = ['root', 'unshare', 'mount', 'nix-store', 'nix-instantiate', 'nix'] as const;

/** Programs that see a Nix store of their own: the machine's stays as it is, whatever they build or collect. */
export interface PrivateStore {
  run(file: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  saddlebag(args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
}

/**
 * Makes an empty Nix store in `directory`, which appears as `/nix` to what is run in it. Nothing is fetched; builds see
 * the machine.
 */
export async function privateStore(directory: string): Promise<PrivateStore> {
  await mkdir(directory, { recursive: true });
  const enter = 'mkdir -p /nix && mount --bind "$0" /nix && exec "$@"';
  const settings = 'substitute = false\nsandbox = false\nbuild-users-group =\n';
  const run: PrivateStore['run'] = (file, args, options = {}) =>
    execProcess(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', enter, directory, file, ...args],
      {
        timeoutMs: 120_000,
        ...options,
        env: { PATH: process.env.PATH, HOME: directory, NIX_CONFIG: settings, ...options.env },
      },
    );
  return { run, saddlebag: (args, options) => run(process.execPath, [builtCli, ...args], options) };
}
