import { basename } from 'node:path';

/** The first line of a script, taken apart. */
export interface Shebang {
  /** What the kernel starts: `/usr/bin/env`, `/bin/sh`. */
  readonly interpreter: string;
  /** All that follows, as the kernel passes it: one argument, or none as ''. */
  readonly argument: string;
  /** Behind `/usr/bin/env`, the program that env looks up on PATH; else null. */
  readonly command: string | null;
  /** Behind `command`, as it stands there. */
  readonly commandArguments: string;
}

/** The kernel reads this much of a script and refuses a first line that does not end in it. */
export const shebangLimitBytes = 255;

/**
 * Parses the first line of a script, or returns null when `text` does not begin with one.
 * Source: execve(2), "Interpreter scripts"; env(1), `-S`.
 */
export function parseShebang(text: string): Shebang | null {
  const line = /^#![ \t]*([^ \t\r\n]+)[ \t]*([^\n]*)/.exec(text);
  if (line?.[1] === undefined) return null;
  const interpreter = line[1];
  const argument = (line[2] ?? '').trimEnd();
  const split =
    basename(interpreter) === 'env'
      ? /^(?:(?:-S|--split-string)[ \t=]*)?([^-\s=][^\s=]*)(?=\s|$)[ \t]*(.*)$/.exec(argument)
      : null;
  return { interpreter, argument, command: split?.[1] ?? null, commandArguments: split?.[2] ?? '' };
}

/**
 * Returns `script` with `line` (without its `#!` and newline) as first line and the rest untouched, byte for byte.
 */
export function replaceShebang(script: Buffer, line: string): Buffer {
  const end = script.indexOf(0x0a);
  return Buffer.concat([Buffer.from(`#!${line}\n`), end < 0 ? Buffer.alloc(0) : script.subarray(end + 1)]);
}

// Only runtimes that a deployment treats in a way of their own, or whose modules lie outside any ELF closure.
const runtimePattern =
  /\/nix\/store\/[^\s"'/]+\/(?:[^\s"']*\/)?bin\/((?:python|pypy|node|deno|bun|perl|ruby|java|php|lua|Rscript|guile)[0-9.]*)(?=["'\s]|$)/;

/**
 * Returns the base name of what runs a script, or null where `text` is none: its shebang's program; for a wrapper, a
 * shell script that execs a runtime out of the Nix store, that runtime (`python3.11`).
 */
export function interpreterOfScript(text: string): string | null {
  const shebang = parseShebang(text);
  if (shebang === null) return null;
  const own = basename(shebang.command ?? shebang.interpreter);
  if (!/^(ba|da|k|z)?sh$/.test(own)) return own;
  const execs = text.split('\n').filter((line) => /(^|[;&|\s])exec\s/.test(line));
  // The last exec is the one that a wrapper comes to: earlier ones stand behind conditions.
  return execs.map((line) => runtimePattern.exec(line)?.[1]).findLast((name) => name !== undefined) ?? own;
}
