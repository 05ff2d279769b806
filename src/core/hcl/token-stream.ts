import type { HclPosition, HclProblem, HclRange, HclToken } from './syntax.ts';

/** Ends a stretch of text whose structure is broken; caught where reading can go on, never seen outside. */
export class StructureBreak extends Error {
  readonly problem: HclProblem;

  constructor(at: HclPosition, reason: string) {
    super(reason);
    this.problem = { at, reason };
  }
}

/** Deeper than any file that a person wrote, and far from the end of the stack. */
const maximumDepth = 200;

/** Tokens without comments, and a place in them. */
export class TokenStream {
  readonly #tokens: readonly HclToken[];
  #index = 0;
  #depth = 0;

  /** Takes what `tokenize` returns: the last one is of kind `end`. */
  constructor(tokens: readonly HclToken[]) {
    this.#tokens = tokens.filter(({ kind }) => kind !== 'comment');
  }

  /** Returns the next token; the one that ends the file stays. */
  peek(): HclToken {
    return this.#at(this.#index);
  }

  /** Returns the last token that was taken, newlines left out. */
  last(): HclToken {
    let index = Math.max(0, this.#index - 1);
    while (index > 0 && this.#at(index).kind === 'newline') index--;
    return this.#at(index);
  }

  take(): HclToken {
    const token = this.peek();
    if (token.kind === 'invalid') throw new StructureBreak(token.at, token.problem ?? 'this means nothing');
    if (token.kind !== 'end') this.#index++;
    return token;
  }

  isSign(sign: string): boolean {
    return this.peek().kind === 'sign' && this.peek().text === sign;
  }

  /** Takes one sign if it is next. */
  takeSign(sign: string): boolean {
    if (!this.isSign(sign)) return false;
    this.take();
    return true;
  }

  skipNewlines(): void {
    while (this.peek().kind === 'newline') this.take();
  }

  /** Skips the rest of a broken line, with what begins on it, up to the brace that may close the block around it. */
  skipLine(): void {
    let depth = 0;
    for (; this.peek().kind !== 'end'; this.#index++) {
      if (depth === 0 && (this.peek().kind === 'newline' || this.isSign('}'))) return;
      if (isOpener(this.peek())) depth++;
      if (isCloser(this.peek())) depth = Math.max(0, depth - 1);
    }
  }

  /** Runs `read` one level deeper. */
  nested<T>(read: () => T): T {
    if (this.#depth === maximumDepth) {
      throw new StructureBreak(this.peek().at, `more than ${maximumDepth} levels deep`);
    }
    this.#depth++;
    try {
      return read();
    } finally {
      this.#depth--;
    }
  }

  /** Throws that something else was expected here. */
  refuse(expected: string): never {
    if (this.peek().kind === 'invalid') this.take();
    throw new StructureBreak(this.peek().at, `expected ${expected}, got ${describeToken(this.peek())}`);
  }

  #at(index: number): HclToken {
    const token = this.#tokens[index] ?? this.#tokens.at(-1);
    if (token === undefined) throw new TypeError('a list of tokens ends with one of kind end');
    return token;
  }
}

/** Returns the range from one part to another. */
export function rangeBetween(first: HclRange, last: HclRange): HclRange {
  return { at: first.at, start: first.start, end: last.end };
}

/** Tells whether a token opens what another closes. */
export function isOpener({ kind, text }: HclToken): boolean {
  if (kind === 'sign') return text === '{' || text === '(' || text === '[';
  return kind === 'open-text' || kind === 'open-template';
}

/** Tells whether a token closes what another opened. */
export function isCloser({ kind, text }: HclToken): boolean {
  if (kind === 'sign') return text === '}' || text === ')' || text === ']';
  return kind === 'close-text' || kind === 'close-template';
}

/** Names a token in a message. */
export function describeToken({ kind, text }: HclToken): string {
  if (kind === 'end') return 'the end of the file';
  if (kind === 'newline') return 'the end of the line';
  if (kind === 'open-text') return text.startsWith('<<') ? 'a heredoc' : 'a string';
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
