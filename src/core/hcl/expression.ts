import { decodeText } from './string.ts';
import type { HclExpression, HclObjectItem, HclRange, HclToken } from './syntax.ts';
import {
  describeToken,
  isCloser,
  isOpener,
  rangeBetween,
  StructureBreak,
  type TokenStream,
} from './token-stream.ts';

/** Where an expression stands decides what ends it. */
type Place = 'attribute' | 'object' | 'list';

/**
 * Reads one expression, up to what ends it: a newline or closing brace for an attribute, also a comma in an object or
 * list. Source: HCL native syntax specification, "Expressions".
 * @throws {StructureBreak}
 */
export function readExpression(tokens: TokenStream, place: Place): HclExpression {
  return tokens.nested(() => {
    if (place === 'list') tokens.skipNewlines();
    if (isEnd(tokens.peek(), place)) tokens.refuse('a value');
    const first = tokens.peek();
    const simple = readSimple(tokens);
    if (place === 'list') tokens.skipNewlines();
    if (isEnd(tokens.peek(), place)) return simple;
    skipOperators(tokens, place);
    return { kind: 'other', ...rangeBetween(first, tokens.last()) };
  });
}

function isEnd({ kind, text }: HclToken, place: Place): boolean {
  if (kind === 'end') return true;
  if (kind === 'newline') return place !== 'list';
  if (kind !== 'sign') return false;
  if (text === '}' || text === ']' || text === ')') return true;
  return place !== 'attribute' && text === ',';
}

/** Reads the first part of an expression, which mostly is all of it. */
function readSimple(tokens: TokenStream): HclExpression {
  const next = tokens.peek();
  if (next.kind === 'number') return { kind: 'literal', value: Number(next.text), ...rangeOf(tokens.take()) };
  if (next.kind === 'open-text') return readText(tokens);
  if (next.kind === 'name') return readName(tokens);
  if (tokens.isSign('[')) return readList(tokens);
  if (tokens.isSign('{')) return readObject(tokens);
  if (tokens.isSign('(')) return skipBrackets(tokens);
  if (tokens.isSign('-') || tokens.isSign('!')) return readSigned(tokens);
  return tokens.refuse('a value');
}

function readSigned(tokens: TokenStream): HclExpression {
  const sign = tokens.take();
  const operand = tokens.nested(() => readSimple(tokens));
  const range = rangeBetween(sign, operand);
  const isNumber = sign.text === '-' && operand.kind === 'literal' && typeof operand.value === 'number';
  return isNumber
    ? { kind: 'literal', value: -Number(operand.value), ...range }
    : { kind: 'other', ...range };
}

function readText(tokens: TokenStream): HclExpression {
  const open = tokens.take();
  let content = '';
  let isLiteral = open.text === '"';
  while (tokens.peek().kind !== 'close-text') {
    if (tokens.peek().kind === 'text') content += tokens.take().text;
    else if (tokens.peek().kind === 'open-template') {
      isLiteral = false;
      skipBrackets(tokens);
    } else tokens.refuse('the end of a string');
  }
  const range = rangeBetween(open, tokens.take());
  return isLiteral
    ? { kind: 'literal', value: decodeText(content), ...range }
    : { kind: 'template', ...range };
}

const keywords: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

function readName(tokens: TokenStream): HclExpression {
  const first = tokens.take();
  const keyword = keywords.get(first.text);
  if (keyword !== undefined) return { kind: 'literal', value: keyword, ...rangeOf(first) };
  const path = [first.text];
  while (tokens.isSign('.')) {
    tokens.take();
    if (tokens.peek().kind !== 'name') {
      // An index or a splat: `a.0`, `a.*.b`.
      if (tokens.peek().kind !== 'number' && !tokens.isSign('*')) tokens.refuse('a name');
      return { kind: 'other', ...rangeBetween(first, tokens.take()) };
    }
    path.push(tokens.take().text);
  }
  return { kind: 'reference', path, ...rangeBetween(first, tokens.last()) };
}

function readList(tokens: TokenStream): HclExpression {
  const start = tokens.take();
  tokens.skipNewlines();
  if (isWord(tokens.peek(), 'for')) return skipBrackets(tokens, start);
  const items: HclExpression[] = [];
  while (!tokens.isSign(']')) {
    items.push(readExpression(tokens, 'list'));
    tokens.skipNewlines();
    if (!tokens.takeSign(',') && !tokens.isSign(']')) refuseClose(tokens, start, ', or ]');
    tokens.skipNewlines();
  }
  return { kind: 'list', items, ...rangeBetween(start, tokens.take()) };
}

function readObject(tokens: TokenStream): HclExpression {
  const start = tokens.take();
  tokens.skipNewlines();
  if (isWord(tokens.peek(), 'for')) return skipBrackets(tokens, start);
  const items: HclObjectItem[] = [];
  while (!tokens.isSign('}')) {
    if (tokens.peek().kind === 'end') refuseClose(tokens, start, '}');
    items.push(readItem(tokens));
    if (tokens.peek().kind !== 'newline' && !tokens.isSign(',') && !tokens.isSign('}'))
      refuseClose(tokens, start, 'a newline, a comma or }');
    tokens.takeSign(',');
    tokens.skipNewlines();
  }
  return { kind: 'object', items, ...rangeBetween(start, tokens.take()) };
}

function readItem(tokens: TokenStream): HclObjectItem {
  const first = tokens.peek();
  const key = tokens.nested(() => readSimple(tokens));
  while (!tokens.isSign('=') && !tokens.isSign(':')) {
    if (isEnd(tokens.peek(), 'object')) tokens.refuse(`= after ${describeToken(first)}`);
    skipOne(tokens);
  }
  tokens.take();
  const value = readExpression(tokens, 'object');
  return { key: keyOf(key), value, ...rangeBetween(first, value) };
}

/** A key that is one bare name is that name; in parentheses it would be a variable. */
function keyOf(key: HclExpression): string | null {
  if (key.kind === 'literal') return String(key.value);
  return key.kind === 'reference' && key.path.length === 1 ? (key.path[0] ?? null) : null;
}

/** Skips what is inside brackets, `start` being the opening one if it is taken already. */
function skipBrackets(tokens: TokenStream, start = tokens.take()): HclExpression {
  return tokens.nested(() => {
    while (!isCloser(tokens.peek())) {
      if (tokens.peek().kind === 'end') refuseClose(tokens, start, closerOf(start));
      skipOne(tokens);
    }
    const closer = tokens.peek();
    const fits =
      start.kind === 'open-template' ? closer.kind === 'close-template' : closer.text === closerOf(start);
    if (!fits && closer.kind !== 'close-text') refuseClose(tokens, start, closerOf(start));
    return { kind: 'other', ...rangeBetween(start, tokens.take()) };
  });
}

/** Skips one token, or all that is inside the bracket that it opens. */
function skipOne(tokens: TokenStream): void {
  if (isOpener(tokens.peek())) skipBrackets(tokens);
  else tokens.take();
}

/** Skips operators, calls, indexes and further operands. Two operands side by side are a line break forgotten. */
function skipOperators(tokens: TokenStream, place: Place): void {
  let hasOperand = true;
  while (!isEnd(tokens.peek(), place)) {
    const next = tokens.peek();
    const startsOperand = ['name', 'number', 'open-text'].includes(next.kind) || tokens.isSign('{');
    const separates = [',', '=', '=>'].some((sign) => tokens.isSign(sign));
    if (separates || (startsOperand && hasOperand)) tokens.refuse('an operator or the end of the line');
    hasOperand = startsOperand || isOpener(next) || tokens.isSign('...');
    // `a.*.b`, `a[*]`: the star stands for an operand.
    if (tokens.isSign('*') && tokens.last().text === '.') hasOperand = true;
    skipOne(tokens);
    if (place === 'list') tokens.skipNewlines();
  }
  if (!hasOperand) tokens.refuse(`a value after ${describeToken(tokens.last())}`);
}

function closerOf(start: HclToken): string {
  if (start.text === '(') return ')';
  if (start.text === '[') return ']';
  return start.kind === 'open-text' ? '"' : '}';
}

function refuseClose(tokens: TokenStream, start: HclToken, expected: string): never {
  if (tokens.peek().kind === 'invalid') tokens.take();
  if (tokens.peek().kind === 'end') {
    throw new StructureBreak(
      start.at,
      `this ${start.text} is never closed: its ${closerOf(start)} is missing`,
    );
  }
  return tokens.refuse(`${expected} (${start.text} opened at ${start.at.line}:${start.at.column})`);
}

function isWord({ kind, text }: HclToken, word: string): boolean {
  return kind === 'name' && text === word;
}

function rangeOf({ at, start, end }: HclRange): HclRange {
  return { at, start, end };
}
