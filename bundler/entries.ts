import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sha256OfFile } from '../src/core/digest.ts';
import { compareBytes } from '../src/core/files.ts';
import type { ClosurePath, Entry } from '../src/core/types.ts';
import { walkTree } from './closure/tree.ts';

type FileEntry = Extract<Entry, { kind: 'file' }>;

const directoryMode = 0o555;

/**
 * Reads one store path of a closure into the entries that the tar will hold: sorted by path in byte order, modes
 * normal, files of equal content and mode stored once. Nothing is followed, nothing is written.
 * @throws {SaddlebagError} `entry-unsupported` for a socket, device or fifo; `name-not-utf8`
 */
export async function readEntries(path: ClosurePath, signal: AbortSignal): Promise<readonly Entry[]> {
  const top = path.storePath.slice(1);
  const entries = new Map<string, Entry>();
  if (path.directory !== null) {
    for await (const node of walkTree(path.directory)) {
      signal.throwIfAborted();
      const name = node.path === '' ? top : `${top}/${node.path}`;
      if (node.kind === 'file') {
        entries.set(name, fileEntry(name, node));
      } else if (node.kind === 'symlink') {
        entries.set(name, { kind: 'symlink', path: name, target: node.target });
      } else {
        entries.set(name, { kind: 'directory', path: name, mode: directoryMode });
      }
    }
  }
  for (const [inside, file] of Object.entries(path.files)) {
    const name = `${top}/${inside}`;
    addParents(entries, name, top);
    const stats = await lstat(file);
    entries.set(
      name,
      fileEntry(name, { file, executable: (stats.mode & 0o111) !== 0, sizeBytes: stats.size }),
    );
  }
  const links = Object.entries(path.links ?? {});
  for (const [inside, target] of links) {
    const name = `${top}/${inside}`;
    addParents(entries, name, top);
    entries.set(name, { kind: 'symlink', path: name, target });
  }
  const all = [...entries.values()];
  // A walk alone comes sorted.
  const isWalk = Object.keys(path.files).length === 0 && links.length === 0;
  const sorted = isWalk ? all : all.sort((a, b) => compareBytes(a.path, b.path));
  return joinEqualFiles(sorted, signal);
}

function fileEntry(
  path: string,
  found: { readonly file: string; readonly executable: boolean; readonly sizeBytes: number },
): FileEntry {
  const { file, executable, sizeBytes } = found;
  return { kind: 'file', path, mode: executable ? 0o555 : 0o444, sizeBytes, file };
}

function addParents(entries: Map<string, Entry>, name: string, top: string): void {
  for (let parent = dirname(name); parent.length >= top.length; parent = dirname(parent)) {
    if (!entries.has(parent)) entries.set(parent, { kind: 'directory', path: parent, mode: directoryMode });
  }
}

/**
 * Turns files that equal an earlier one into hard links to it. By content and not by inode: a closure gives the same
 * bytes whether or not the file system that it came from had the links.
 */
async function joinEqualFiles(entries: readonly Entry[], signal: AbortSignal): Promise<Entry[]> {
  const bySize = Map.groupBy(
    entries.filter((entry) => entry.kind === 'file' && entry.sizeBytes > 0) as FileEntry[],
    ({ mode, sizeBytes }) => `${mode} ${sizeBytes}`,
  );
  const first = new Map<string, FileEntry>();
  const joined = new Map<string, Entry>();
  for (const [kind, files] of bySize) {
    if (files.length < 2) continue;
    for (const entry of files) {
      const content = `${kind} ${await sha256OfFile(entry.file, { signal })}`;
      const earlier = first.get(content);
      if (earlier === undefined) first.set(content, entry);
      else joined.set(entry.path, { kind: 'link', path: entry.path, mode: entry.mode, target: earlier.path });
    }
  }
  return entries.map((entry) => joined.get(entry.path) ?? entry);
}
