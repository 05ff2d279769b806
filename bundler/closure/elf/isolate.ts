import type { FileBytes, Patch } from './bytes.ts';

// Where glibc's loader looks when neither DT_RPATH nor the environment names a directory, and what it loads unasked.
// Source: ld.so(8), "FILES" and the order of the search; those of /lib64 are what other distributions build in.
const hostPath = /\/etc\/ld\.so\.(?:cache|preload)\0|(?:\/usr)?\/lib(?:64|\/[a-z0-9_]+-linux-gnu)?\/\0/g;

/**
 * Returns what to patch in glibc's dynamic loader so that it loads nothing of the host: neither what the host's cache and
 * its directories have under the name of a library that the bundle lacks, nor what /etc/ld.so.preload puts into every
 * program. Libraries that were built for another libc would at best be refused. The paths keep their length and lead into
 * /nix, where no host keeps libraries; nothing is patched where the loader is another (musl has no cache).
 */
export function isolateLoader(bytes: FileBytes): Patch[] {
  const text = bytes.slice(0, bytes.length).toString('latin1');
  return [...text.matchAll(hostPath)]
    .filter(({ index }) => isStart(text, index))
    .map(({ index, 0: found }) => ({
      offset: index,
      bytes: Buffer.from(`${elsewhere(found.slice(0, -1))}\0`),
    }));
}

/** Compilers put strings behind one another, or at the beginning of a line of 16 bytes. */
function isStart(text: string, index: number): boolean {
  return index % 16 === 0 || text[index - 1] === '\0';
}

/** Directories keep their slash: names are put behind it. */
function elsewhere(path: string): string {
  const end = path.endsWith('/') ? '/' : '-';
  return path.length === 5 ? '/nix/' : `${'/nix/'.padEnd(path.length - 1, '-')}${end}`;
}
