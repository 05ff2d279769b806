import type { HclAttribute, HclBlock, HclDocument, HclToken } from '../../src/core/hcl/syntax.ts';

/** A stretch of a text, and what takes its place. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Returns the text with edits made, which do not overlap; of two at one place the first comes first. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let end = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(end, edit.start) + edit.text;
    end = edit.end;
  }
  return result + text.slice(end);
}

/** An attribute as it is to be: a name, and a value as HCL. */
export type Setting = readonly [name: string, value: string];

/** Edits a file and keeps what it says nothing of: comments, order, indentation, the kind of line ends. */
export class HclEditor {
  readonly #document: HclDocument;
  readonly #newlines: readonly HclToken[];
  readonly #lineEnd: string;
  /** One level of indentation, as the file has it. */
  readonly #unit: string;
  readonly #edits: TextEdit[] = [];

  constructor(document: HclDocument) {
    this.#document = document;
    this.#newlines = document.tokens.filter(({ kind }) => kind === 'newline');
    this.#lineEnd = this.#newlines[0]?.text ?? '\n';
    this.#unit = unitOf(document);
  }

  /** Returns the text with all edits made. */
  result(): string {
    return applyEdits(this.#document.text, this.#edits);
  }

  /** Sets attributes of a block: a value that is there is replaced, others are added behind the last attribute. */
  setAttributes(block: HclBlock, settings: readonly Setting[]): void {
    const present = new Map(attributesIn(block).map((attribute) => [attribute.name, attribute]));
    const replaced = settings.flatMap(([name, value]): TextEdit[] => {
      const range = present.get(name)?.value;
      return range === undefined ? [] : [{ start: range.start, end: range.end, text: value }];
    });
    const added = settings.filter(([name]) => !present.has(name));
    if (added.length === 0) this.#edits.push(...replaced);
    else if (isOnOneLine(this.#document.text, block)) this.#edits.push(this.#spread(block, replaced, added));
    else this.#edits.push(...replaced, this.#addition(block, added));
  }

  /**
   * Adds a block behind another item of a body, after an empty line; `lines` are indented from there, two blanks a
   * level.
   */
  addBlockAfter(item: { readonly start: number; readonly end: number }, lines: readonly string[]): void {
    const indent = this.#indentAt(item.start);
    const indented = lines.map((line) => {
      const own = line.replace(/^ */, (blanks) => this.#unit.repeat(blanks.length / 2));
      return line === '' ? this.#lineEnd : `${indent}${own}${this.#lineEnd}`;
    });
    const at = this.#lineEndAfter(item.end);
    this.#edits.push({ start: at, end: at, text: `${this.#lineEnd}${indented.join('')}` });
  }

  /** Puts the items of a block that is written on one line on lines of their own, the added ones behind them. */
  #spread(block: HclBlock, replaced: readonly TextEdit[], added: readonly Setting[]): TextEdit {
    const { start, end } = block.body;
    const moved = replaced.map((edit) => ({ ...edit, start: edit.start - start, end: edit.end - start }));
    const inner = applyEdits(this.#document.text.slice(start, end), moved).trim();
    const closing = this.#indentAt(block.start);
    const indent = `${closing}${this.#unit}`;
    const width = Math.max(
      0,
      ...[...attributesIn(block), ...added.map(([name]) => ({ name }))].map(nameLength),
    );
    const own = inner.replace(/^([\p{ID_Start}_][\p{ID_Continue}-]*)[ \t]*=[ \t]*/u, (_, name: string) => {
      return `${name.padEnd(width)} = `;
    });
    const rows = [
      ...(own === '' ? [] : [own]),
      ...added.map(([name, value]) => `${name.padEnd(width)} = ${value}`),
    ];
    const text = rows.map((row) => `${indent}${row}${this.#lineEnd}`).join('');
    return { start, end, text: `${this.#lineEnd}${text}${closing}` };
  }

  #addition(block: HclBlock, added: readonly Setting[]): TextEdit {
    const last = attributesIn(block).at(-1);
    const at = this.#lineEndAfter(last?.end ?? block.body.start);
    const first = block.body.items[0];
    const indent =
      first === undefined ? `${this.#indentAt(block.start)}${this.#unit}` : this.#indentAt(first.start);
    const width = Math.max(
      last === undefined ? 0 : this.#nameWidth(last),
      ...added.map(([name]) => name.length),
    );
    const text = added
      .map(([name, value]) => `${indent}${name.padEnd(width)} = ${value}${this.#lineEnd}`)
      .join('');
    return { start: at, end: at, text };
  }

  /** The width that `nomad fmt` gave a name, so that equal signs stand below each other. */
  #nameWidth({ name, start, value }: HclAttribute): number {
    const before = this.#document.text.slice(start + name.length, value.start);
    return name.length + Math.max(0, (/^[ \t]*/.exec(before)?.[0].length ?? 1) - 1);
  }

  /** Returns where the line that holds `offset` ends, behind its newline; comments on it are passed. */
  #lineEndAfter(offset: number): number {
    return this.#newlines.find(({ start }) => start >= offset)?.end ?? this.#document.text.length;
  }

  #indentAt(offset: number): string {
    const { text } = this.#document;
    const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
    return /^[ \t]*/.exec(text.slice(lineStart, offset))?.[0] ?? '';
  }
}

function attributesIn(block: HclBlock): HclAttribute[] {
  return block.body.items.filter((item) => item.kind === 'attribute');
}

function isOnOneLine(text: string, block: HclBlock): boolean {
  return !text.slice(block.body.start, block.body.end).includes('\n');
}

function nameLength({ name }: { readonly name: string }): number {
  return name.length;
}

/** Returns by how much the first item of the first block is indented more than the block. */
function unitOf({ text, body }: HclDocument): string {
  const blocks = body.items.filter((item) => item.kind === 'block');
  const item = blocks.find((block) => !isOnOneLine(text, block))?.body.items[0];
  if (item === undefined) return '  ';
  const indent = /[ \t]*$/.exec(text.slice(0, item.start))?.[0] ?? '';
  return indent === '' ? '  ' : indent;
}
