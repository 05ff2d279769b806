import { quoteText } from '../../src/core/hcl/string.ts';

/** What the parser evaluates: `var.artifact_source`. */
export class HclExpression {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value of an attribute. Lists and maps hold strings, which is all that a job needs of them. */
export type HclValue =
  | string
  | number
  | boolean
  | HclExpression
  | readonly string[]
  | Readonly<Record<string, string>>;

/** One line or block of an HCL body, in the order in which it is written. */
export type HclItem =
  | { readonly kind: 'attribute'; readonly name: string; readonly value: HclValue }
  | {
      readonly kind: 'block';
      readonly name: string;
      readonly labels: readonly string[];
      readonly body: readonly HclItem[];
    }
  | { readonly kind: 'heredoc'; readonly name: string; readonly text: string }
  | { readonly kind: 'comment'; readonly text: string }
  /** Lines of comment that belong to nothing beside them. */
  | { readonly kind: 'note'; readonly lines: readonly string[] };

/** A block with its labels and body. */
export type HclBlock = Extract<HclItem, { readonly kind: 'block' }>;

/** Makes an attribute, or nothing where the value is not there. */
export function attribute(name: string, value: HclValue | undefined): HclItem[] {
  return value === undefined ? [] : [{ kind: 'attribute', name, value }];
}

/**
 * Makes an attribute of several lines that is written as people write them; a text that a heredoc can't hold exactly is
 * quoted. Nothing in it is evaluated.
 */
export function heredoc(name: string, text: string): HclItem[] {
  // A heredoc has no escapes, and ends with a line.
  const fits = /^(?:[^\p{Cc}\u2028\u2029\ufeff]|[\n\t])*\n$/u.test(text) && !/^[ \t]*EOH[ \t]*$/m.test(text);
  return fits ? [{ kind: 'heredoc', name, text }] : attribute(name, text);
}

/** Makes a block with its labels and body. */
export function block(name: string, labels: readonly string[], body: readonly HclItem[]): HclBlock {
  return { kind: 'block', name, labels, body };
}

/** Makes a comment of one line. */
export function comment(text: string): HclItem {
  return { kind: 'comment', text };
}

/**
 * Renders a body as `nomad fmt` would leave it: two blanks a level, equal signs aligned in a run of one-line attributes,
 * one empty line around blocks.
 */
export function renderHclBody(items: readonly HclItem[], depth = 0): string {
  const indent = '  '.repeat(depth);
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    if (index > 0 && needsGap(items[index - 1], item)) lines.push('');
    if (item.kind === 'comment') lines.push(`${indent}# ${item.text}`);
    else if (item.kind === 'note') lines.push(...item.lines.map((line) => `${indent}# ${line}`.trimEnd()));
    else if (item.kind === 'attribute') lines.push(...renderAttribute(item, runWidth(items, index), indent));
    else if (item.kind === 'heredoc') lines.push(...renderHeredoc(item, indent));
    else lines.push(...renderBlock(item, depth));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function renderBlock(item: HclBlock, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const head = [item.name, ...item.labels.map(quote)].join(' ');
  if (item.body.length === 0) return [`${indent}${head} {}`];
  return [
    `${indent}${head} {`,
    ...renderHclBody(item.body, depth + 1)
      .split('\n')
      .slice(0, -1),
    `${indent}}`,
  ];
}

function renderAttribute(
  item: Extract<HclItem, { readonly kind: 'attribute' }>,
  width: number,
  indent: string,
): string[] {
  const [first = '', ...rest] = renderValue(item.value);
  return [`${indent}${item.name.padEnd(width)} = ${first}`, ...rest.map((line) => indent + line)];
}

function renderHeredoc(item: Extract<HclItem, { readonly kind: 'heredoc' }>, indent: string): string[] {
  const text = item.text.replace(/[$%](?=\{)/g, (sign) => sign + sign);
  return [`${indent}${item.name} = <<EOH`, ...text.split('\n').slice(0, -1), 'EOH'];
}

/** Returns the lines of a value; only a map takes more than one. */
function renderValue(value: HclValue): string[] {
  if (typeof value === 'string') return [quote(value)];
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)];
  if (value instanceof HclExpression) return [value.text];
  if (isList(value)) return [`[${value.map(quote).join(', ')}]`];
  const rows = Object.entries(value).map(([name, text]) => ({ key: mapKey(name), text: quote(text) }));
  const width = Math.max(0, ...rows.map(({ key }) => displayWidth(key)));
  const pad = (key: string) => key + ' '.repeat(width - displayWidth(key));
  return ['{', ...rows.map(({ key, text }) => `  ${pad(key)} = ${text}`), '}'];
}

function isList(value: readonly string[] | Readonly<Record<string, string>>): value is readonly string[] {
  return Array.isArray(value);
}

/** Counts code points: close enough to what `nomad fmt` aligns by, which counts grapheme clusters. */
function displayWidth(text: string): number {
  return [...text].length;
}

/** A key of a map may stand bare where it is an identifier; `for` would begin a loop, the others are values. */
function mapKey(name: string): string {
  return /^[A-Za-z_][0-9A-Za-z_]*$/.test(name) && !/^(?:for|true|false|null)$/.test(name)
    ? name
    : quote(name);
}

/**
 * What Nomad's own parser hands through to the client: where no dollar before it makes an escape of it, and no brace
 * comes after it (which Nomad 2.0.5 doubles: measured).
 */
const runtimeReference = /(?<!\$)\$\{(?:NOMAD_\w+|(?:attr|node|meta|secret)(?:\.[\w-]+)+)\}(?!\})/g;

/**
 * Quotes a string for HCL so that what Nomad reads is the string itself. `${NOMAD_PORT_http}` and its like are written
 * as people write them, since Nomad leaves them to the client; every other `${` and each `%{` is escaped.
 */
export function quote(text: string): string {
  let quoted = '';
  let end = 0;
  for (const match of text.matchAll(runtimeReference)) {
    quoted += escaped(text.slice(end, match.index)) + match[0];
    end = match.index + match[0].length;
  }
  return `"${quoted}${escaped(text.slice(end))}"`;
}

function escaped(text: string): string {
  return quoteText(text).slice(1, -1);
}

function needsGap(previous: HclItem | undefined, item: HclItem): boolean {
  if (previous === undefined || previous.kind === 'comment') return false;
  // A comment belongs to what comes behind it, and stands apart from what is before it.
  const apart = ({ kind }: HclItem) => kind !== 'attribute';
  return apart(previous) || apart(item) || isTall(previous) || isTall(item);
}

function isTall(item: HclItem): boolean {
  if (item.kind !== 'attribute' || item.value instanceof HclExpression) return false;
  return typeof item.value === 'object' && !isList(item.value);
}

/** Returns the width of the longest name in the run of one-line attributes around `index`. */
function runWidth(items: readonly HclItem[], index: number): number {
  const inRun = (item: HclItem | undefined) => item?.kind === 'attribute' && !isTall(item);
  if (!inRun(items[index])) return 0;
  let first = index;
  let last = index;
  while (inRun(items[first - 1])) first--;
  while (inRun(items[last + 1])) last++;
  return Math.max(
    ...items.slice(first, last + 1).map((item) => (item.kind === 'attribute' ? item.name.length : 0)),
  );
}
