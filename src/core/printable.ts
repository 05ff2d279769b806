// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Makes text from outside (a file name, a server's answer, an app's log) safe to print on one line of a terminal: control
 * characters and those that turn the direction of writing become `\x1b` and the like. A tab stays.
 */
export function printable(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same for a text of several lines, which stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/**
 * Makes JSON safe to print, and the same JSON still: what `JSON.stringify` leaves of those characters (it escapes the
 * oldest 32 only) becomes `\u009b` and the like.
 */
export function printableJson(json: string): string {
  return json.replace(controls, (character) =>
    // Between values JSON has line feeds.
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
