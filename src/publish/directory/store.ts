import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { sha256OfFile } from '../../core/digest.ts';
import { SaddlebagError } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import type { Content } from '../content.ts';
import type { PutOptions, PutOutcome, Store, StoredObject } from '../store.ts';
import { readDocument, replaceDocument } from './documents.ts';
import { failed, findFile, makeParents, removeFile, removeTemporaries, splitKey } from './paths.ts';

/** Where `saddlebag serve FOLDER` answers by default. */
export const servedByDefaultAt = 'http://127.0.0.1:8000';

const chunkBytes = 1 << 20;

/**
 * Opens a folder as a store; it is made by the first `put`. Files are 0644, directories 0755, whatever the umask, since
 * another user may serve them. Only the folder itself may be a symbolic link: below it none is followed.
 * @throws {SaddlebagError} from the store: `store-failed`, `link-refused`, `key-invalid`, `output-failed`
 */
export function openDirectoryStore(directory: string): Store {
  const root = resolve(directory);
  return {
    downloadBase: servedByDefaultAt,
    describe: (key) => join(root, key),
    head: (key, signal) => head(root, key, signal),
    get: (key, signal) => get(root, key, signal),
    put: (key, content, options) => put(root, key, content, options),
    readRange: null,
    removeLeftovers: (key) => removeTemporaries(root, key),
    readDocument: (key) => readDocument(root, key),
    replaceDocument: (key, text, options) => replaceDocument({ root, key }, text, options),
    remove: (key) => removeFile(root, key),
  };
}

async function head(root: string, key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
  const file = await findFile(root, key);
  if (file === undefined) return undefined;
  try {
    // The size is that of the bytes that were hashed, so that both speak of the same file.
    let sizeBytes = 0;
    const sha256 = await sha256OfFile(file, {
      signal,
      onBytes: (count) => {
        sizeBytes += count;
      },
    });
    return { sizeBytes, sha256 };
  } catch (cause) {
    throw failed('read', file, cause);
  }
}

async function* get(root: string, key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const file = await findFile(root, key);
  try {
    yield* createReadStream(file ?? join(root, key), { highWaterMark: chunkBytes, signal });
  } catch (cause) {
    throw failed('read', file ?? join(root, key), cause);
  }
}

async function put(root: string, key: string, content: Content, options: PutOptions): Promise<PutOutcome> {
  const components = splitKey(root, key);
  const parent = await makeParents(root, components.slice(0, -1));
  const file = join(parent, components.at(-1) ?? '');
  try {
    await writeAtomically(
      file,
      { force: false, mode: 0o644, signal: options.signal },
      async (handle): Promise<void> => {
        let doneBytes = 0;
        for await (const chunk of content.chunks(chunkBytes)) {
          options.signal.throwIfAborted();
          await handle.writeFile(chunk);
          doneBytes += chunk.length;
          options.onProgress?.(doneBytes, content.sizeBytes);
        }
      },
    );
    return 'stored';
  } catch (cause) {
    if (!(cause instanceof SaddlebagError)) throw cause;
    if (cause.code === 'output-exists') return 'taken';
    // Another publisher was faster, and took what was written here for the leftovers of a dead one.
    if (cause.code === 'output-failed' && (await findFile(root, key)) !== undefined) return 'taken';
    throw cause;
  }
}
