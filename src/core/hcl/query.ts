import type { HclAttribute, HclBlock, HclBody, HclDocument, HclPosition, HclToken } from './syntax.ts';

/** Returns the blocks of one type that stand directly in a body. */
export function blocksOf(body: HclBody, type: string): HclBlock[] {
  return body.items.filter((item) => item.kind === 'block').filter((block) => block.type === type);
}

/** Returns the attribute of one name that stands directly in a body. */
export function attributeOf(body: HclBody, name: string): HclAttribute | undefined {
  return body.items.filter((item) => item.kind === 'attribute').find((attribute) => attribute.name === name);
}

/** Returns the text of an attribute whose value is a string without interpolation; undefined for any other. */
export function literalTextOf(body: HclBody, name: string): string | undefined {
  const value = attributeOf(body, name)?.value;
  return value?.kind === 'literal' && typeof value.value === 'string' ? value.value : undefined;
}

/** A call of a function, wherever it stands: also inside strings and heredocs. */
export interface HclCall {
  readonly name: string;
  readonly at: HclPosition;
  readonly start: number;
  readonly end: number;
  /** Between the parentheses, without comments and newlines. */
  readonly argumentTokens: readonly HclToken[];
}

/** Finds the calls of functions, by their names, in the order of the file. */
export function findCalls(document: HclDocument, names: ReadonlySet<string>): HclCall[] {
  const tokens = document.tokens.filter(({ kind }) => kind !== 'comment' && kind !== 'newline');
  return tokens.flatMap((token, index) => {
    const open = tokens[index + 1];
    const isCall =
      token.kind === 'name' && names.has(token.text) && open?.text === '(' && open.kind === 'sign';
    if (!isCall || tokens[index - 1]?.text === '.') return [];
    const close = findClose(tokens, index + 1);
    const end = tokens[close]?.end;
    if (end === undefined) return [];
    const argumentTokens = tokens.slice(index + 2, close);
    return [{ name: token.text, at: token.at, start: token.start, end, argumentTokens }];
  });
}

/** Returns the names that follow `var.`, each once, sorted. */
export function findVariables(document: HclDocument): string[] {
  const tokens = document.tokens.filter(({ kind }) => kind !== 'comment' && kind !== 'newline');
  const names = tokens.flatMap((token, index) => {
    const name = tokens[index + 2];
    const isReference = token.kind === 'name' && token.text === 'var' && tokens[index + 1]?.text === '.';
    return isReference && tokens[index - 1]?.text !== '.' && name?.kind === 'name' ? [name.text] : [];
  });
  return [...new Set(names)].sort();
}

function findClose(tokens: readonly HclToken[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.kind !== 'sign') continue;
    if (token.text === '(') depth++;
    if (token.text === ')' && --depth === 0) return index;
  }
  return -1;
}
