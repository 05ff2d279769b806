import { once } from 'node:events';
import { chmod, lstat, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { geteuid } from 'node:process';

/*
 * Who is killed removes nothing. Node has no flock(2), and the number of a process says nothing in another PID namespace,
 * or once another has it; so each owner of a directory listens on a socket in it, which the kernel closes with the owner.
 */

/**
 * Shows that `directory` has an owner who lives, until this process ends or what is returned is called.
 * Where that fails (a file system without sockets, a path too long for one), nobody ever takes it for abandoned.
 */
export async function showOwner(directory: string): Promise<() => void> {
  const server = createServer((peer) => peer.destroy()).unref();
  try {
    const unnamed = join(directory, 'owner');
    await once(server.listen(unnamed), 'listening');
    // Between bind(2) and listen(2) it refuses as that of a dead one does: it gets its name once it answers.
    await rename(unnamed, await ownerSocket(directory));
  } catch {
    // The work goes on without.
  }
  return () => server.close();
}

/**
 * Removes directories in `place` whose names fit, which are this user's alone, and whose owner has died.
 * What cannot be judged or removed is left as it is.
 */
export async function removeAbandoned(place: string, names: RegExp): Promise<void> {
  try {
    if (!(await isKept(place))) return;
    for (const name of await readdir(place)) {
      if (names.test(name)) await removeIfAbandoned(join(place, name));
    }
  } catch {
    // Whoever cannot list the place makes no directory there either, and is told by that.
  }
}

/** Tells of a directory whether others can neither rename nor replace what is ours in it. */
async function isKept(directory: string): Promise<boolean> {
  const { uid, mode } = await stat(directory);
  return (uid === 0 || uid === geteuid?.()) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}

async function removeIfAbandoned(directory: string): Promise<void> {
  try {
    const { uid, mode } = await lstat(directory);
    // The type stands in the mode: a link is none of ours, wherever it leads.
    if (uid !== geteuid?.() || (mode & 0o170777) !== privateDirectory) return;
    const socket = await ownerSocket(directory);
    if (!(await lstat(socket)).isSocket() || !(await isRefused(socket))) return;
    // Extracted store paths are read-only, and only a writable directory can be emptied.
    const below = await readdir(directory, { recursive: true, withFileTypes: true });
    for (const one of below) if (one.isDirectory()) await chmod(join(one.parentPath, one.name), 0o700);
    await rm(directory, { recursive: true, force: true });
  } catch {
    // Nobody has shown himself in it, or another run is removing it.
  }
}

/** S_IFDIR and 0700, as mkdtemp(3) makes it. Source: inode(7). */
const privateDirectory = 0o040700;

/** Two machines may share a file system, and neither reaches a socket of the other: hence the boot in its name. */
async function ownerSocket(directory: string): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return join(directory, `owner-${boot.slice(0, 8)}`);
}

/** Tells whether nobody listens on a socket; not whether it can be reached. */
async function isRefused(socket: string): Promise<boolean> {
  const peer = connect(socket);
  try {
    await once(peer, 'connect');
    return false;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    peer.destroy();
  }
}
