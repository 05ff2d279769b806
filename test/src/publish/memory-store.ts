import { sha256Hex } from '../../../src/core/digest.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import type { Store } from '../../../src/publish/store.ts';

/** A store that keeps objects in memory, and the calls that it got. */
export interface MemoryStore extends Store {
  readonly objects: Map<string, Buffer>;
  /** `head KEY`, `put KEY`, `get KEY`, in order. */
  readonly calls: string[];
}

export interface MemoryStoreOptions {
  /** False: the store has no word on digests, as for objects that someone else has put. */
  readonly knowsDigests?: boolean;
  /** Like S3 without the right to list: asking for what is not there is refused. */
  readonly hidesMissing?: boolean;
  /** Runs when an object was put. */
  readonly afterPut?: (objects: Map<string, Buffer>, key: string) => void;
}

/**
 * Makes an empty store.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const objects = new Map<string, Buffer>();
  const digests = new Map<string, string>();
  const calls: string[] = [];
  return {
    objects,
    calls,
    downloadBase: 'https://store.example/apps',
    describe: (key) => `memory:${key}`,
    head: async (key) => {
      calls.push(`head ${key}`);
      const found = objects.get(key);
      if (found === undefined && options.hidesMissing === true) {
        throw new SaddlebagError('access-denied', `cannot read memory:${key}: access denied`);
      }
      return found && { sizeBytes: found.length, sha256: digests.get(key) };
    },
    async *get(key) {
      calls.push(`get ${key}`);
      yield objects.get(key) ?? Buffer.alloc(0);
    },
    readDocument: async (key) => {
      calls.push(`read ${key}`);
      const text = objects.get(key)?.toString();
      return text === undefined ? undefined : { text, tag: sha256Hex(text) };
    },
    replaceDocument: async (key, text, { tag }) => {
      calls.push(`replace ${key}`);
      const current = objects.get(key);
      if ((current === undefined ? null : sha256Hex(current)) !== tag) return 'changed';
      objects.set(key, Buffer.from(text));
      return 'stored';
    },
    remove: async (key) => {
      calls.push(`remove ${key}`);
      objects.delete(key);
    },
    put: async (key, content, { onProgress }) => {
      calls.push(`put ${key}`);
      if (objects.has(key)) return 'taken';
      const bytes = Buffer.concat(await Array.fromAsync(content.chunks(64)));
      onProgress?.(bytes.length, bytes.length);
      objects.set(key, bytes);
      if (options.knowsDigests !== false) digests.set(key, content.sha256);
      options.afterPut?.(objects, key);
      return 'stored';
    },
    readRange: null,
    removeLeftovers: async () => undefined,
  };
}
