import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sha256OfFile } from '../../src/core/digest.ts';
import { compareBytes } from '../../src/core/files.ts';
import { type StorePath, storePathFromDigest } from '../../src/core/store-path.ts';
import type { ClosurePath } from '../../src/core/types.ts';
import { type TreeNode, walkTree } from './tree.ts';
import { unreadable } from './unreadable.ts';

/** The content of a store path, as in `ClosurePath`. */
export interface TreeContent {
  readonly directory: string | null;
  readonly files: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
}

/** Files read at once, each with a buffer of up to 1 MiB. */
const batchSize = 16;

/**
 * Returns the SHA-256 (32 bytes) of a tree: of its paths, kinds, link targets, executable bits and contents, and of
 * nothing else: no time, owner, umask or order of the disk.
 * @throws {SaddlebagError} as `walkTree`; `aborted` by `signal`
 */
export async function digestTree(content: TreeContent, signal: AbortSignal): Promise<Uint8Array> {
  const hash = createHash('sha256');
  let batch: Promise<readonly unknown[]>[] = [];
  const drain = async () => {
    for (const row of await Promise.all(batch)) hash.update(`${JSON.stringify(row)}\n`);
    batch = [];
  };
  for await (const node of walkContent(content)) {
    signal.throwIfAborted();
    batch.push(describe(node, signal));
    if (batch.length === batchSize) await drain();
  }
  await drain();
  return hash.digest();
}

/**
 * Makes the store path of a tree that Nix did not build: its hash is the tree's own digest.
 * @throws {SaddlebagError} as `digestTree`
 */
export async function contentPath(
  name: string,
  content: TreeContent,
  references: readonly StorePath[],
  signal: AbortSignal,
): Promise<ClosurePath> {
  const storePath = storePathFromDigest(await digestTree(content, signal), name);
  return { storePath, ...content, references: references.toSorted(compareBytes) };
}

async function describe(node: TreeNode, signal: AbortSignal): Promise<readonly unknown[]> {
  if (node.kind === 'directory') return [node.path];
  if (node.kind === 'symlink') return [node.path, 'to', node.target];
  const sha256 = await sha256OfFile(node.file, { signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw unreadable(node.file, cause);
  });
  return [node.path, node.executable ? 'program' : 'file', sha256];
}

/** What is laid over a tree: a file of this machine, or a link. */
type Overlay = { readonly file: string } | { readonly target: string };

/**
 * Walks a store path as it will be: the tree with `files` and `links` laid over it, sorted by path. Directories that only
 * those imply are left out: the paths in them name them.
 * @throws {SaddlebagError} as `walkTree`
 */
export async function* walkContent({ directory, files, links = {} }: TreeContent): AsyncGenerator<TreeNode> {
  const over: [string, Overlay][] = [
    ...Object.entries(files).map(([path, file]): [string, Overlay] => [path, { file }]),
    ...Object.entries(links).map(([path, target]): [string, Overlay] => [path, { target }]),
  ];
  over.sort(([a], [b]) => compareBytes(a, b));
  for await (const node of directory === null ? [] : walkTree(directory)) {
    if (Object.hasOwn(files, node.path) || Object.hasOwn(links, node.path)) continue;
    while (over[0] !== undefined && compareBytes(over[0][0], node.path) < 0) yield* take(over);
    yield node;
  }
  while (over.length > 0) yield* take(over);
}

async function* take(over: [string, Overlay][]): AsyncGenerator<TreeNode> {
  const [path, overlay] = over.shift() ?? ['', { target: '' }];
  if ('target' in overlay) yield { kind: 'symlink', path, target: overlay.target };
  else for await (const node of walkTree(overlay.file)) yield { ...node, path: join(path, node.path) };
}
