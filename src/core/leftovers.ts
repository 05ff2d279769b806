import { rmSync } from 'node:fs';

const leftovers = new Set<string>();

/** Notes a file or directory that is to go, whatever ends the work; returns how to say that it is gone. */
export function noteLeftover(path: string): () => void {
  leftovers.add(path);
  return () => leftovers.delete(path);
}

/** Removes what was noted and is still there, at once: for a process that is about to end where it stands. */
export function removeLeftovers(): void {
  for (const path of leftovers) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // The others are to go as well, and nobody is left to be told.
    }
  }
}
