import type { HclPosition, HclToken, HclTokenKind } from './syntax.ts';

/**
 * Cuts a text into HCL's tokens, blanks left out; the last is of kind `end`. Any text is taken: what is no HCL becomes
 * `invalid` tokens.
 * Source: HCL native syntax specification, "Lexical elements" and "Template expressions"; hclsyntax/scan_tokens.rl.
 */
export function tokenize(text: string): readonly HclToken[] {
  return new Scanner(text).run();
}

/** What the scanner is in: code (how deep in braces), a quoted string, or a heredoc that a line of `marker` ends. */
type Mode =
  | { readonly kind: 'code'; braces: number }
  | { readonly kind: 'quoted' }
  | { readonly kind: 'heredoc'; readonly marker: string };

const namePattern = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const numberPattern = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Characters; those of the largest number of 64 bits are 309. */
const longestNumber = 400;
const heredocPattern = /<<-?([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy;
const signPattern = /=>|==|!=|<=|>=|&&|\|\||\.\.\.|::|~\}|[{}()[\]=<>!?:,.+\-*/%]/y;
const blankPattern = /[ \t\uFEFF]+/y;
const lineCommentPattern = /(?:#|\/\/)[^\r\n]*(?:\r(?!\n)[^\r\n]*)*/y;
const newlinePattern = /\r?\n/y;

class Scanner {
  readonly #text: string;
  readonly #tokens: HclToken[] = [];
  readonly #modes: Mode[] = [{ kind: 'code', braces: 0 }];
  #offset = 0;
  #position: HclPosition = { byteOffset: 0, line: 1, column: 1 };

  constructor(text: string) {
    this.#text = text;
  }

  run(): readonly HclToken[] {
    while (this.#offset < this.#text.length) {
      const mode = this.#modes.at(-1);
      if (mode === undefined || mode.kind === 'code') this.#scanCode(mode);
      else if (mode.kind === 'quoted') this.#scanQuoted();
      else this.#scanHeredoc(mode.marker);
    }
    this.#take('end', this.#offset);
    return this.#tokens;
  }

  #scanCode(mode: { braces: number } | undefined): void {
    const blanks = this.#match(blankPattern);
    if (blanks !== undefined) this.#skip(this.#offset + blanks.length);
    else if (!this.#scanPlain()) this.#scanSign(mode);
  }

  /** Takes what begins nothing and ends nothing, and the beginning of a string or heredoc. */
  #scanPlain(): boolean {
    return (
      this.#takeMatch('newline', newlinePattern) ||
      this.#takeMatch('comment', lineCommentPattern) ||
      this.#scanBlockComment() ||
      this.#takeMatch('name', namePattern) ||
      this.#scanNumber() ||
      this.#openQuoted() ||
      this.#openHeredoc()
    );
  }

  #scanSign(mode: { braces: number } | undefined): void {
    const sign = this.#match(signPattern);
    if (sign === undefined) {
      this.#scanInvalid();
      return;
    }
    const inTemplate = mode !== undefined && this.#modes.length > 1;
    if (inTemplate && (sign === '}' || sign === '~}') && mode.braces === 0) {
      this.#modes.pop();
      this.#take('close-template', this.#offset + sign.length);
      return;
    }
    if (inTemplate && sign === '{') mode.braces++;
    if (inTemplate && sign === '}') mode.braces--;
    this.#take('sign', this.#offset + sign.length);
  }

  #scanBlockComment(): boolean {
    if (!this.#text.startsWith('/*', this.#offset)) return false;
    const end = this.#text.indexOf('*/', this.#offset + 2);
    if (end >= 0) this.#take('comment', end + 2);
    else this.#take('invalid', this.#text.length, 'this comment is never closed: its */ is missing');
    return true;
  }

  /** HCL's own parser would write out all the digits of what no computer counts with. */
  #scanNumber(): boolean {
    const number = this.#match(numberPattern);
    if (number === undefined) return false;
    const end = this.#offset + number.length;
    if (Number.isFinite(Number(number)) && number.length <= longestNumber) this.#take('number', end);
    else this.#take('invalid', end, 'this number is out of range');
    return true;
  }

  #openQuoted(): boolean {
    if (this.#text[this.#offset] !== '"') return false;
    this.#take('open-text', this.#offset + 1);
    this.#modes.push({ kind: 'quoted' });
    return true;
  }

  #openHeredoc(): boolean {
    heredocPattern.lastIndex = this.#offset;
    const match = heredocPattern.exec(this.#text);
    if (match?.[1] === undefined) return false;
    this.#take('open-text', this.#offset + match[0].length);
    this.#modes.push({ kind: 'heredoc', marker: match[1] });
    return true;
  }

  #scanInvalid(): void {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#offset) ?? 0);
    this.#take('invalid', this.#offset + character.length, describeInvalid(character));
  }

  #scanQuoted(): void {
    const text = this.#text;
    let end = this.#offset;
    while (end < text.length && text[end] !== '"' && text[end] !== '\n') {
      if (opensTemplate(text, end)) break;
      end += literalLength(text, end, true);
    }
    end = Math.min(end, text.length);
    if (end > this.#offset) this.#take('text', end);
    if (this.#openTemplate()) return;
    this.#modes.pop();
    if (text[end] === '"') this.#take('close-text', end + 1);
    else this.#take('invalid', end, 'this string is never closed: its second " is missing on the line');
  }

  /** One run of whole lines and parts of lines, up to the marker or an interpolation. */
  #scanHeredoc(marker: string): void {
    const text = this.#text;
    let end = this.#offset;
    let atLineStart = text[end - 1] === '\n' && this.#tokens.at(-1)?.kind === 'open-text';
    while (end < text.length) {
      // At the file's end the marker needs its newline, as Go's scanner has it.
      if (atLineStart && text.includes('\n', end) && lineAt(text, end).trim() === marker) {
        if (end > this.#offset) this.#take('text', end);
        this.#modes.pop();
        this.#take('close-text', end + lineAt(text, end).trimEnd().length);
        return;
      }
      atLineStart = false;
      if (opensTemplate(text, end)) break;
      atLineStart = text[end] === '\n';
      end += literalLength(text, end, false);
    }
    if (end > this.#offset) this.#take('text', end);
    if (this.#openTemplate()) return;
    this.#modes.pop();
    this.#take('invalid', end, `this heredoc is never closed: a line of nothing but ${marker} is missing`);
  }

  #openTemplate(): boolean {
    if (!opensTemplate(this.#text, this.#offset)) return false;
    this.#take('open-template', this.#offset + (this.#text[this.#offset + 2] === '~' ? 3 : 2));
    this.#modes.push({ kind: 'code', braces: 0 });
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    return pattern.exec(this.#text)?.[0];
  }

  #takeMatch(kind: HclTokenKind, pattern: RegExp): boolean {
    const found = this.#match(pattern);
    if (found === undefined) return false;
    this.#take(kind, this.#offset + found.length);
    return true;
  }

  #take(kind: HclTokenKind, end: number, problem?: string): void {
    const start = this.#offset;
    const token = { kind, text: this.#text.slice(start, end), at: this.#position, start, end };
    this.#tokens.push(problem === undefined ? token : { ...token, problem });
    this.#skip(end);
  }

  #skip(end: number): void {
    this.#position = advance(this.#position, this.#text.slice(this.#offset, end));
    this.#offset = end;
  }
}

/** Returns the position behind a text that begins at `from`. */
function advance(from: HclPosition, text: string): HclPosition {
  let { byteOffset, line, column } = from;
  for (const character of text) {
    byteOffset += utf8Length(character);
    if (character === '\n') {
      line++;
      column = 1;
    } else if (character !== '\uFEFF' || from.byteOffset > 0) {
      column++;
    }
  }
  return { byteOffset, line, column };
}

function utf8Length(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

function opensTemplate(text: string, offset: number): boolean {
  return (text[offset] === '$' || text[offset] === '%') && text[offset + 1] === '{';
}

/** How much of a string's text belongs together: `$${` and `%%{` are text, and so is what a backslash stands before. */
function literalLength(text: string, offset: number, withBackslash: boolean): number {
  const character = text[offset];
  const doubled = (character === '$' || character === '%') && text[offset + 1] === character;
  if (doubled && text[offset + 2] === '{') return 3;
  return withBackslash && character === '\\' && text[offset + 1] !== '\n' ? 2 : 1;
}

function lineAt(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(offset, end < 0 ? text.length : end);
}

function describeInvalid(character: string): string {
  if (character === "'" || character === '`') return `${character} is no quote: strings are written with "`;
  if (character === ';') return '; is no separator: an attribute ends with its line';
  return `${JSON.stringify(character)} means nothing here`;
}
