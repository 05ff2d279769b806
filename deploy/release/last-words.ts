/**
 * Lines that a language's runtime writes below the sentence that says what went wrong: frames, registers, objects,
 * advice to its programmer. Go, Java, Node, Rust; Python ends with the sentence itself.
 */
const afterwards: readonly RegExp[] = [
  /^\s/,
  /^[\w./*()[\]{}$·-]+\(.*\)$/,
  /^goroutine \d+ .*:$/,
  /^created by /,
  /^\[signal /,
  /^PC=0x/,
  /^r?[a-z0-9]+ +0x[0-9a-f]+$/,
  /^exit status \d+$/,
  /^at /,
  /^[}\])]+;?$/,
  /^Node\.js v\d/,
  /^Require stack:$/,
  /^- \//,
  /^note: run with `?RUST_BACKTRACE/,
];

/**
 * Finds the line in which a process that failed said why: the last one that is no part of a stack trace, else the last.
 * Undefined without lines.
 */
export function lastWords(lines: readonly string[]): string | undefined {
  const telling = lines.findLast((line) => !afterwards.some((pattern) => pattern.test(line)));
  return (telling ?? lines.at(-1))?.trim();
}
