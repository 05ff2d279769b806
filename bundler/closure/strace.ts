import { resolve } from 'node:path';

/** One system call of a traced process that succeeded. */
export type TracedEvent =
  | { readonly kind: 'open'; readonly path: string }
  /** `real` is the path without links, once it was looked up. */
  | { readonly kind: 'start'; readonly path: string; readonly real: string }
  | { readonly kind: 'child'; readonly pid: number };

const text = '"((?:[^"\\\\]|\\\\.)*)"';
// What stands before the name: nothing, the working directory, or an open directory, with their paths (-y).
const base = '(?:(?:AT_FDCWD|\\d+)(?:<([^>]*)>)?, )?';
const openCall = new RegExp(`^open(?:at2?)?\\(${base}${text}, (.*)\\) += \\d+`);
const startCall = new RegExp(`^execve(?:at)?\\(${base}${text}, .* = 0$`);
const childCall = /^(?:clone3?|v?fork)\(.* = (\d+)/;

/**
 * Parses what strace wrote of one process (`-y -z`, read as latin1) into what it read, started and forked. Files that
 * were opened for writing, and directories, are left out.
 * Source: strace(1), "Output format".
 */
export function parseStrace(output: string): TracedEvent[] {
  return output.split('\n').flatMap((line): TracedEvent[] => {
    const opened = openCall.exec(line);
    if (opened !== null) {
      if (/O_WRONLY|O_RDWR|O_DIRECTORY/.test(opened[3] ?? '')) return [];
      return [{ kind: 'open', path: pathOf(opened) }];
    }
    const started = startCall.exec(line);
    if (started !== null) return [{ kind: 'start', path: pathOf(started), real: pathOf(started) }];
    const child = childCall.exec(line);
    return child === null ? [] : [{ kind: 'child', pid: Number(child[1]) }];
  });
}

function pathOf([, directory, name]: RegExpExecArray): string {
  return resolve('/', unescapeC(directory ?? ''), unescapeC(name ?? ''));
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', v: '\v', f: '\f' };

/** Undoes strace's escapes, those of C; names are bytes, which are UTF-8 again afterwards. */
function unescapeC(escaped: string): string {
  const bytes = escaped.replaceAll(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
