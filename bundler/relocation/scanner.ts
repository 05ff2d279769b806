import { posix } from 'node:path';
import { storeDirectory } from '../../src/core/store-path.ts';
import type { ClosurePath, Entry } from '../../src/core/types.ts';
import type { TarFrame } from '../frames.ts';
import { type Hashes, hashesOf } from '../references.ts';
import { findPacked, obstacleOf, type Packing, packingOf } from './packed.ts';
import { findObstacles, type Hit, reachBytes } from './search.ts';

/**
 * A name of a store path that relocation could not rewrite. Depends on the store path and its references alone, and not on
 * the rest of a closure, whose business it is only where the hash is one of its own.
 */
export interface Finding extends Hit {
  /** Inside the store path. */
  readonly file: string;
}

type FileEntry = Extract<Entry, { kind: 'file' }>;

interface Packed {
  readonly entry: FileEntry;
  readonly packing: Packing;
}

// Read by people, and then it matters little where a path leads.
const forPeople = /^share\/(doc|man|info|gtk-doc|devhelp)\//;

/**
 * Looks for what relocation could not rewrite, in the contents of one store path, while they pass on their way into
 * frames.
 */
export class RelocationScanner {
  readonly #top: string;
  readonly #hashes: Hashes;
  readonly #entries: readonly Entry[];
  readonly #packed: Packed[] = [];
  readonly #findings = new Map<string, Finding>();
  /** The large file that the last frame ended in. */
  #open: { readonly entry: FileEntry; restBytes: number; carry: Buffer } | undefined;

  /** @param entries those that the frames hold, in their order */
  constructor({ storePath, references }: ClosurePath, entries: readonly Entry[]) {
    this.#top = storePath.slice(1);
    this.#hashes = hashesOf([storePath, ...references]);
    this.#entries = entries;
  }

  /** Looks at the next frame; each has to come, in order. Nothing is kept of it. */
  take({ tar, group, contentOffsets }: TarFrame): void {
    if (contentOffsets.length === 0) this.#continue(tar);
    for (const [index, offset] of contentOffsets.entries()) {
      const entry = group.entries[index];
      if (entry?.kind !== 'file' || entry.sizeBytes === 0) continue;
      this.#open = { entry, restBytes: entry.sizeBytes, carry: Buffer.alloc(0) };
      this.#continue(tar.subarray(offset));
    }
  }

  /** Looks at what takes more than its bytes: packed files are read once more, links by where they lead. */
  async end(signal: AbortSignal): Promise<readonly Finding[]> {
    for (const { entry, packing } of this.#packed) {
      const obstacle = obstacleOf(packing);
      for (const hash of await findPacked(entry.file, packing, signal)) this.#add(entry, { hash, obstacle });
    }
    for (const entry of this.#entries) {
      if (entry.kind === 'symlink' && climbs(entry)) this.#add(entry, this.#climbing());
    }
    return [...this.#findings.values()];
  }

  #continue(bytes: Buffer): void {
    const open = this.#open;
    if (open === undefined) return;
    const content = bytes.subarray(0, open.restBytes);
    const isFirst = open.restBytes === open.entry.sizeBytes;
    open.restBytes -= content.length;
    const isLast = open.restBytes === 0;
    // One copy of a piece of a large file; small files come whole.
    const joined = open.carry.length === 0 ? content : Buffer.concat([open.carry, content]);
    const piece = { bytes: joined, from: open.carry.length, isLast };
    for (const hit of findObstacles(piece, this.#hashes)) this.#add(open.entry, hit);
    const packing = packingOf(
      open.entry.path,
      isFirst ? joined : Buffer.alloc(0),
      isLast ? joined : Buffer.alloc(0),
    );
    if (packing !== undefined) this.#packed.push({ entry: open.entry, packing });
    // A copy: the frame's memory is not to be kept for it.
    if (isLast) this.#open = undefined;
    else open.carry = Buffer.from(joined.subarray(-reachBytes));
  }

  #climbing(): Hit {
    return { hash: this.#top.slice(storeDirectory.length, storeDirectory.length + 32), obstacle: 'climbing' };
  }

  #add(entry: Entry, hit: Hit): void {
    const file = entry.path.slice(this.#top.length + 1);
    const key = `${hit.obstacle} ${hit.hash}`;
    if (!forPeople.test(file) && !this.#findings.has(key)) this.#findings.set(key, { file, ...hit });
  }
}

/** Whether a relative link leads out of the store: from the tree in a cache it would lead elsewhere. */
function climbs({ path, target }: Extract<Entry, { kind: 'symlink' }>): boolean {
  if (target.startsWith('/')) return false;
  const leadsTo = posix.resolve('/', posix.dirname(path), target);
  return leadsTo !== storeDirectory && !leadsTo.startsWith(`${storeDirectory}/`);
}
