import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256Hex } from '../../core/digest.ts';
import { SaddlebagError } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import type { Document, ReplaceOptions, ReplaceOutcome } from '../store.ts';
import { failed, findFile, makeParents, splitKey } from './paths.ts';

/** Holders keep a lock for milliseconds: one that stays the same for so long belongs to a process that is gone. */
const staleMs = 2_000;
const pauseMs = 20;

/**
 * Reads a document; its tag is the digest of its content.
 * @throws {SaddlebagError} `link-refused`, `key-invalid`, `store-failed`
 */
export async function readDocument(root: string, key: string): Promise<Document | undefined> {
  const file = await findFile(root, key);
  if (file === undefined) return undefined;
  try {
    const text = await readFile(file, 'utf8');
    return { text, tag: sha256Hex(text) };
  } catch (cause) {
    throw failed('read', file, cause);
  }
}

/**
 * Replaces a document whose content is still the one that was read. Writers of one document take turns by a lock file
 * beside it; readers see the old or the new document, never a part.
 * @throws {SaddlebagError} `link-refused`, `key-invalid`, `store-failed`, `output-failed`
 */
export async function replaceDocument(
  place: { readonly root: string; readonly key: string },
  text: string,
  { tag, signal }: ReplaceOptions,
): Promise<ReplaceOutcome> {
  const { root, key } = place;
  const components = splitKey(root, key);
  const file = join(await makeParents(root, components.slice(0, -1)), components.at(-1) ?? '');
  const lock = await takeLock(join(dirname(file), `.${basename(file)}.lock`), signal);
  try {
    const current = await readDocument(root, key);
    if ((current?.tag ?? null) !== tag) return 'changed';
    const accept = async () => {
      // Who was stopped for long may have lost the lock to someone who took it for gone.
      if ((await readLock(lock.path)) !== lock.nonce) throw new LockLost();
    };
    await writeAtomically(file, { force: true, mode: 0o644, signal, accept }, (handle) =>
      handle.writeFile(text),
    );
    return 'stored';
  } catch (cause) {
    if (cause instanceof LockLost) return 'changed';
    throw cause;
  } finally {
    if ((await readLock(lock.path)) === lock.nonce) await rm(lock.path, { force: true });
  }
}

class LockLost extends Error {}

interface Lock {
  readonly path: string;
  readonly nonce: string;
}

/**
 * Makes the lock file, or waits until it is gone. Neither a process id nor the file's time says whether its holder lives
 * (the folder may be shared by hosts): that its content stays the same does.
 */
async function takeLock(path: string, signal: AbortSignal): Promise<Lock> {
  const nonce = randomBytes(16).toString('hex');
  let seen = { nonce: '', since: performance.now() };
  for (;;) {
    signal.throwIfAborted();
    if (await makeLock(path, nonce)) return { path, nonce };
    const holder = (await readLock(path)) ?? '';
    if (holder !== seen.nonce) seen = { nonce: holder, since: performance.now() };
    else if (performance.now() - seen.since > staleMs) await breakLock(path, holder);
    await delay(pauseMs, undefined, { signal });
  }
}

async function makeLock(path: string, nonce: string): Promise<boolean> {
  const written = `${path}.${nonce}`;
  try {
    await using handle = await open(written, 'wx', 0o644);
    await handle.writeFile(nonce);
    // A link is made whole or not at all, so no lock is ever without its nonce.
    await link(written, path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP') throw withoutLinks(path);
    throw failed('write', path, cause);
  } finally {
    await rm(written, { force: true });
  }
}

async function readLock(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** Takes a lock away whose holder is gone; one that another waiter has taken meanwhile is put back. */
async function breakLock(path: string, nonce: string): Promise<void> {
  const aside = `${path}.${nonce}.stale`;
  try {
    await rename(path, aside);
    if ((await readLock(aside)) !== nonce) await link(aside, path);
  } catch {
    // Another waiter was faster.
  } finally {
    await rm(aside, { force: true });
  }
}

function withoutLinks(path: string): SaddlebagError {
  return new SaddlebagError('store-failed', `cannot write ${path}: its file system has no hard links`, {
    hint: 'use a folder on a file system of Linux, or an S3 server',
  });
}
