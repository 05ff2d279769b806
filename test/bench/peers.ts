import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execProcess } from '../../src/core/exec.ts';
import { findTool } from '../helpers/needs.ts';
import type { Command } from './measure.ts';
import { emptyDirectory, type Payload } from './payloads.ts';

/** Another tool's file of the Flask app. */
export interface Peer {
  readonly name: string;
  readonly file: string;
  readonly sizeBytes: number;
  /** What exactly was made and run: Markdown. */
  readonly how: string;
  /** A start with nothing unpacked yet. */
  readonly first: () => Command;
  /** A start after another one. */
  readonly next: () => Command;
}

export interface Peers {
  readonly made: readonly Peer[];
  /** What could not be made, and why: sentences. */
  readonly skipped: readonly string[];
}

/** Where a peer is made, and of what. */
interface Making {
  readonly place: string;
  readonly flask: Payload;
}

/** Ends the making of a peer: what it takes is not there. */
class Missing extends Error {}

async function run(file: string, args: readonly string[], cwd = '/'): Promise<string> {
  const { exitCode, stdout, stderr, failure } = await execProcess(file, args, {
    cwd,
    timeoutMs: 300_000,
  });
  if (exitCode === 0) return stdout.trim();
  // staticx says on stdout what went wrong.
  const last = `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? '';
  throw new Missing(`${file} ${args[0] ?? ''} ended with ${failure ?? exitCode}: ${last}`);
}

function need(...tools: readonly string[]): void {
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  if (missing.length > 0) throw new Missing(`${missing.join(', ')} missing`);
}

/**
 * Shell words that show `$0/nix` at /nix and become the program: what nix-user-chroot does, without a binary of its
 * own.
 */
const showNix = 'mount --rbind "$0/nix" /nix && exec "$@"';
const unshare = 'unshare --user --map-root-user --mount';

function programOf({ bundle }: Payload): string {
  return bundle.entrypoint.program;
}

function shell(script: string, args: readonly string[]): Command {
  return { file: '/bin/sh', args: ['-euc', script, ...args] };
}

async function nixBundle({ place, flask }: Making): Promise<Peer> {
  need('unshare', 'bzip2');
  const file = await flask.tarball();
  const start = [programOf(flask), ...flask.args];
  const unpacked = emptyDirectory(place);
  await run('tar', ['-xjf', file, '-C', unpacked]);
  return {
    name: 'nix-bundle (imitated)',
    file,
    sizeBytes: statSync(file).size,
    how: `\`tar -xjf\` of the closure, then \`${unshare}\` and a bind mount in place of nix-user-chroot; the next start finds it unpacked.`,
    first: () =>
      shell(`tar -xjf "$0" -C "$1" && dir=$1 && shift && exec ${unshare} sh -c '${showNix}' "$dir" "$@"`, [
        file,
        emptyDirectory(place),
        ...start,
      ]),
    next: () => shell(`exec ${unshare} sh -c '${showNix}' "$0" "$@"`, [unpacked, ...start]),
  };
}

async function makeself({ place, flask }: Making): Promise<Peer> {
  need('makeself', 'zstd', 'unshare');
  const directory = join(place, 'makeself');
  mkdirSync(join(directory, 'nix/store'), { recursive: true });
  for (const path of flask.directories) {
    cpSync(join('/', path), join(directory, path), { recursive: true, verbatimSymlinks: true });
  }
  const start = `#!/bin/sh\nexec ${unshare} sh -c '${showNix}' "$PWD" ${programOf(flask)} "$@"\n`;
  writeFileSync(join(directory, 'start'), start, { mode: 0o755 });
  const file = join(place, 'flask.run');
  await run('makeself', ['--zstd', '--nox11', '--quiet', directory, file, 'flask', './start']);
  const command = () => ({
    file,
    args: ['--quiet', '--target', emptyDirectory(place), '--', ...flask.args],
  });
  return {
    name: `makeself ${(await run('makeself', ['--version'])).replace(/^.* /, '')}`,
    file,
    sizeBytes: statSync(file).size,
    how: `\`makeself --zstd\`, started with \`--target\` to an empty directory (so that it does not remove what it unpacked, which would cost it more), then \`${unshare}\` and a bind mount; it unpacks at every start.`,
    first: command,
    next: command,
  };
}

/** The Python that the Flask closure has, too. */
const python = '/usr/bin/python3.11';

/** A virtual environment with what PyPI has, made once. */
async function pythonTools(place: string): Promise<string> {
  const environment = join(place, 'python');
  await run(python, ['-m', 'venv', environment]);
  const pip = ['install', '--quiet', '--disable-pip-version-check'];
  await run(join(environment, 'bin/pip'), [...pip, 'flask==3.1.2', 'pyinstaller', 'staticx']);
  return environment;
}

async function pyinstaller({ place, flask }: Making, environment: string): Promise<Peer> {
  const script = join(place, 'pyinstaller.py');
  writeFileSync(script, 'from app import main\nmain()\n');
  const work = join(place, 'pyinstaller');
  mkdirSync(work);
  const library = join(programOf(flask), '../../lib');
  const options = ['--onefile', '--name', 'flask-pyinstaller', '--paths', library, '--log-level', 'ERROR'];
  const tool = join(environment, 'bin/pyinstaller');
  await run(tool, [...options, '--distpath', place, script], work);
  const file = join(place, 'flask-pyinstaller');
  const command = () => ({ file, args: flask.args, env: { TMPDIR: emptyDirectory(place) } });
  return {
    name: `PyInstaller ${await run(tool, ['--version'])}`,
    file,
    sizeBytes: statSync(file).size,
    how: "`pyinstaller --onefile` of the same app with Debian's Python: it packs only what Python's imports reach, and needs the host's libc; it unpacks at every start.",
    first: command,
    next: command,
  };
}

async function staticx({ place, flask }: Making, environment: string, packed: Peer): Promise<Peer> {
  need('patchelf', 'ldd', 'objcopy');
  const tool = join(environment, 'bin/staticx');
  const file = join(place, 'flask-staticx');
  await run(tool, [packed.file, file]);
  await run('chmod', ['755', file]);
  const command = () => ({ file, args: flask.args, env: { TMPDIR: emptyDirectory(place) } });
  return {
    name: `staticx ${(await run(tool, ['--version'])).replace(/^.* /, '')}`,
    file,
    sizeBytes: statSync(file).size,
    how: '`staticx` of the file that PyInstaller made, which adds the libc; it unpacks at every start.',
    first: command,
    next: command,
  };
}

async function squashfuse({ place, flask }: Making): Promise<Peer> {
  need('mksquashfs', 'squashfuse', 'unshare');
  const file = join(place, 'flask.squashfs');
  const quiet = ['-quiet', '-no-progress', '-noappend'];
  await run('mksquashfs', [...flask.directories, file, '-no-strip', '-comp', 'zstd', ...quiet]);
  const inside =
    'squashfuse "$0" "$1" && mount --rbind "$1/nix" /nix && at=$1 && shift && "$@" && umount -l /nix && umount "$at"';
  const command = () =>
    shell(`exec ${unshare} sh -euc '${inside}' "$0" "$@"`, [
      file,
      emptyDirectory(place),
      programOf(flask),
      ...flask.args,
    ]);
  return {
    name: 'squashfs (AppImage-like)',
    file,
    sizeBytes: statSync(file).size,
    how: `\`mksquashfs -comp zstd\`, \`squashfuse\` and a bind mount inside \`${unshare}\`, unmounted after the app: what an AppImage does, without its runtime; needs FUSE.`,
    first: command,
    next: command,
  };
}

/** Makes a file of the Flask app with each peer that is there; needs a network for those of PyPI. */
export async function makePeers(place: string, flask: Payload): Promise<Peers> {
  const making = { place, flask };
  const made: Peer[] = [];
  const skipped: string[] = [];
  const attempt = async <T>(name: string, make: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await make();
    } catch (cause) {
      if (!(cause instanceof Missing)) throw cause;
      skipped.push(`${name} was left out: ${cause.message}.`);
      return undefined;
    }
  };
  const add = async (name: string, make: () => Promise<Peer>): Promise<Peer | undefined> => {
    const peer = await attempt(name, make);
    if (peer !== undefined) made.push(peer);
    return peer;
  };
  await add('nix-bundle', () => nixBundle(making));
  await add('makeself', () => makeself(making));
  const environment = await attempt('PyInstaller and staticx', () => pythonTools(place));
  if (environment !== undefined) {
    const packed = await add('PyInstaller', () => pyinstaller(making, environment));
    if (packed !== undefined) await add('staticx', () => staticx(making, environment, packed));
  }
  await add('squashfs', () => squashfuse(making));
  return { made, skipped };
}
