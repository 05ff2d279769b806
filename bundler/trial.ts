import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Context } from '../src/core/context.ts';
import { SaddlebagError } from '../src/core/errors.ts';

/** What is run with a finished bundle before it is kept. */
export interface Trial {
  /** Absolute path of the bundle. */
  readonly bundle: string;
  /** What it will be called; for messages. */
  readonly name: string;
  /** A program of the closure, and its arguments. */
  readonly command: readonly string[];
  /** A private directory, which the caller deletes. */
  readonly workDirectory: string;
}

/** Longer than any test of a start should take; a command that hangs must not hang a build for ever. */
const timeoutMs = 10 * 60_000;

/**
 * Makes an empty root around the bundle, runs it there and removes what it unpacked; `$1` is the root, `$2` the bundle.
 * An image's own root takes a mount to start from, so the empty one is a mount. The devices are those without which hardly
 * any program runs. Read-only directories can be removed inside the user namespace only.
 */
const script = `
set -e
mount --bind "$1" "$1"
for device in null zero full random urandom; do
  : > "$1/dev/$device"
  mount --bind "/dev/$device" "$1/dev/$device"
done
mount -t proc proc "$1/proc"
: > "$1/app"
mount --bind "$2" "$1/app"
root=$1
shift 2
status=0
chroot "$root" /app --saddlebag-exec "$@" || status=$?
rm -rf "$root/nix"
exit $status
`;

/** Returns the arguments of unshare(1): namespaces of its own for users, mounts, processes and the network. */
function trialArguments(root: string, { bundle, command }: Pick<Trial, 'bundle' | 'command'>): string[] {
  return [
    ...['--user', '--map-root-user', '--mount', '--net', '--pid', '--fork', '--kill-child'],
    ...['--', 'sh', '-c', script, 'trial', root, bundle, ...command],
  ];
}

/**
 * Runs a program of a bundle in an empty root without network: what was not bundled is not there.
 * @throws {SaddlebagError} `check-failed` unless it exits with 0, `check-impossible`; the reason of the signal
 */
export async function tryBundle(trial: Trial, { exec, env, reporter, signal }: Context): Promise<void> {
  const root = join(trial.workDirectory, 'trial');
  for (const directory of ['', 'dev', 'proc', 'tmp', 'etc']) {
    await mkdir(join(root, directory), { recursive: true, mode: 0o755 });
  }
  const said = trial.command.join(' ');
  reporter.report({ kind: 'step', stage: 'check', message: `running ${said} in an empty root` });
  const { exitCode, failure, stderr } = await exec('unshare', trialArguments(root, trial), {
    cwd: root,
    env: { PATH: env.PATH, HOME: '/', TERM: 'dumb', SADDLEBAG_CACHE_DIR: '/tmp/cache' },
    signal,
    timeoutMs,
    onStderrLine: (line) => reporter.report({ kind: 'detail', stage: 'check', message: line }),
  });
  signal.throwIfAborted();
  if (exitCode === 0) return;
  if (failure === 'ENOENT' || /^unshare: /m.test(stderr)) throw impossible(trial, stderr);
  const ending = failure ?? `exit code ${exitCode}`;
  throw new SaddlebagError(
    'check-failed',
    `cannot keep ${trial.name}: ${said} failed in an empty root (${ending})`,
    {
      hint: `what it misses has to come along: see --include, --with and --trace; ${basename(trial.name)} was not written`,
    },
  );
}

function impossible({ name, command }: Trial, stderr: string): SaddlebagError {
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  return new SaddlebagError(
    'check-impossible',
    `cannot try ${name} with ${command.join(' ')}: ${reason === '' ? 'there is no unshare on PATH' : reason}`,
    { hint: '--check needs unshare (util-linux) and user namespaces on the machine that bundles' },
  );
}
