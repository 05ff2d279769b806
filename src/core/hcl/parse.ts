import { readExpression } from './expression.ts';
import { decodeText } from './string.ts';
import type {
  HclAttribute,
  HclBlock,
  HclBody,
  HclDocument,
  HclLabel,
  HclPosition,
  HclProblem,
  HclToken,
} from './syntax.ts';
import { describeToken, rangeBetween, StructureBreak, TokenStream } from './token-stream.ts';
import { tokenize } from './tokens.ts';

/** More would say nothing new: one mistake early in a file can make every line after it look wrong. */
const maximumProblems = 20;

/**
 * Reads the structure of an HCL file: its blocks and attributes and where they stand. Evaluates nothing and throws on
 * nothing; where the structure breaks, `problems` says so, and what could be read is there. A file without problems here
 * may still be refused by HCL itself, which knows more of expressions.
 * Source: HCL native syntax specification, "Structural elements".
 */
export function parseHcl(text: string): HclDocument {
  const tokens = tokenize(text);
  const reader = new BodyReader(tokens);
  const body = reader.readFile();
  return { text, tokens, body, problems: reader.problems };
}

class BodyReader {
  readonly problems: HclProblem[] = [];
  readonly #tokens: TokenStream;
  /** The first block whose closing brace stands further left than its line begins: likely it closed another. */
  #suspect: { readonly block: string; readonly at: HclPosition } | undefined;

  #sawEnd = false;

  constructor(tokens: readonly HclToken[]) {
    this.#tokens = new TokenStream(tokens);
  }

  readFile(): HclBody {
    const first = this.#tokens.peek();
    const items = this.#readItems();
    while (this.#tokens.isSign('}') && this.problems.length < maximumProblems) {
      this.#note(new StructureBreak(this.#tokens.peek().at, 'this } closes nothing'));
      this.#tokens.take();
      items.push(...this.#readItems());
    }
    return { items, ...rangeBetween(first, this.#tokens.peek()) };
  }

  /** Reads up to the brace that closes the body, or the end. */
  #readItems(): (HclAttribute | HclBlock)[] {
    const tokens = this.#tokens;
    const items: (HclAttribute | HclBlock)[] = [];
    while (this.problems.length < maximumProblems) {
      try {
        tokens.skipNewlines();
        if (tokens.peek().kind === 'end' || tokens.isSign('}')) return items;
        items.push(this.#readItem());
        if (tokens.peek().kind !== 'newline' && tokens.peek().kind !== 'end')
          tokens.refuse('the end of the line');
      } catch (cause) {
        this.#note(cause);
        tokens.skipLine();
      }
    }
    return items;
  }

  #note(cause: unknown): void {
    if (!(cause instanceof StructureBreak)) throw cause;
    const atEnd = this.#tokens.peek().kind === 'end';
    // What stands around a block that is never closed is never closed either.
    if (this.problems.length < maximumProblems && !(atEnd && this.#sawEnd)) this.problems.push(cause.problem);
    this.#sawEnd ||= atEnd;
  }

  #readItem(): HclAttribute | HclBlock {
    const tokens = this.#tokens;
    if (tokens.peek().kind !== 'name') tokens.refuse('the name of an attribute or block');
    const name = tokens.take();
    if (tokens.takeSign('=')) {
      const value = readExpression(tokens, 'attribute');
      return { kind: 'attribute', name: name.text, value, ...rangeBetween(name, value) };
    }
    return this.#readBlock(name);
  }

  #readBlock(type: HclToken): HclBlock {
    const tokens = this.#tokens;
    const labels: HclLabel[] = [];
    while (!tokens.isSign('{')) labels.push(this.#readLabel(type));
    const title = [type.text, ...labels.map(({ value }) => `"${value}"`)].join(' ');
    const open = tokens.take();
    const items = tokens.nested(() => this.#readBlockItems());
    if (!tokens.isSign('}')) this.#refuseUnclosed(title, type.at);
    const close = tokens.take();
    this.#suspectOf(title, type, close);
    const body = { items, at: open.at, start: open.end, end: close.start };
    return { kind: 'block', type: type.text, labels, body, ...rangeBetween(type, close) };
  }

  #readLabel(type: HclToken): HclLabel {
    const tokens = this.#tokens;
    if (tokens.peek().kind === 'name') {
      const { text, at, start, end } = tokens.take();
      return { value: text, at, start, end };
    }
    if (tokens.peek().kind !== 'open-text' || tokens.peek().text !== '"') {
      tokens.refuse(`= or { after ${describeToken(type)}`);
    }
    const open = tokens.take();
    const value = tokens.peek().kind === 'text' ? decodeText(tokens.take().text) : '';
    if (tokens.peek().kind !== 'close-text') tokens.refuse('a label without interpolation');
    return { value, ...rangeBetween(open, tokens.take()) };
  }

  /** A body of several lines, or at most one attribute on the line of the braces. */
  #readBlockItems(): (HclAttribute | HclBlock)[] {
    const tokens = this.#tokens;
    if (tokens.peek().kind === 'newline') return this.#readItems();
    if (tokens.isSign('}')) return [];
    try {
      const item = this.#readItem();
      if (item.kind === 'block') {
        throw new StructureBreak(item.at, 'a block on one line holds one attribute, and no block');
      }
      if (!tokens.isSign('}')) tokens.refuse('} (a block on one line holds one attribute)');
      return [item];
    } catch (cause) {
      // Told here, inside the block, so that its own brace closes it and not the one around it.
      this.#note(cause);
      tokens.skipLine();
      return this.#readItems();
    }
  }

  #suspectOf(block: string, { at }: HclToken, close: HclToken): void {
    if (this.#suspect !== undefined || close.at.line === at.line) return;
    if (close.at.column < at.column) this.#suspect = { block, at };
  }

  /** A missing brace shows only at the end of the file; the layout tells which block it most likely was. */
  #refuseUnclosed(title: string, at: HclPosition): never {
    if (this.#tokens.peek().kind === 'invalid') this.#tokens.take();
    const { block, at: where } = this.#suspect ?? { block: title, at };
    throw new StructureBreak(where, `block ${block} opens here and is never closed: its } is missing`);
  }
}
