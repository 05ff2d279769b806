/** A place in a text, for people: what an editor shows and jumps to. */
export interface HclPosition {
  /** In the text's UTF-8 form, from 0. */
  readonly byteOffset: number;
  /** From 1. */
  readonly line: number;
  /** In characters (code points), from 1. */
  readonly column: number;
}

/** A part of a text: where it begins, and `text.slice(start, end)`. */
export interface HclRange {
  readonly at: HclPosition;
  readonly start: number;
  readonly end: number;
}

/** What a scanner takes for one piece. Newlines and comments are pieces too: where they stand matters. */
export type HclTokenKind =
  | 'name'
  | 'number'
  /** Brackets, operators, separators: `text` is which. */
  | 'sign'
  /** The `"` at either end of a string, and the first and last line of a heredoc. */
  | 'open-text'
  | 'close-text'
  /** What stands in a string or heredoc between interpolations, as written. */
  | 'text'
  /** `${` or `%{`, and the `}` that ends it. */
  | 'open-template'
  | 'close-template'
  | 'newline'
  | 'comment'
  /** What HCL has no use for; `problem` says why. */
  | 'invalid'
  | 'end';

/** A piece of a file's text, with the place that it stands in. */
export interface HclToken extends HclRange {
  readonly kind: HclTokenKind;
  readonly text: string;
  readonly problem?: string;
}

/** Where the structure of a file breaks, and why: a sentence's end, such as `expected = or {, got end of file`. */
export interface HclProblem {
  readonly at: HclPosition;
  readonly reason: string;
}

/** An expression, as far as it can be told without evaluating: what is computed is `other`. */
export type HclExpression = HclRange &
  (
    | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
    /** A string or heredoc that is interpolated, and every heredoc. */
    | { readonly kind: 'template' }
    /** Names with dots between: `var.image`. */
    | { readonly kind: 'reference'; readonly path: readonly string[] }
    | { readonly kind: 'list'; readonly items: readonly HclExpression[] }
    | { readonly kind: 'object'; readonly items: readonly HclObjectItem[] }
    | { readonly kind: 'other' }
  );

/** One item of an object. Its range is that of key and value. */
export interface HclObjectItem extends HclRange {
  /** Null where it is computed. */
  readonly key: string | null;
  readonly value: HclExpression;
}

/** `name = value`. */
export interface HclAttribute extends HclRange {
  readonly kind: 'attribute';
  readonly name: string;
  readonly value: HclExpression;
}

/** A label of a block; `value` is its text without quotes. */
export interface HclLabel extends HclRange {
  readonly value: string;
}

/** `type "label" { … }`. */
export interface HclBlock extends HclRange {
  readonly kind: 'block';
  readonly type: string;
  readonly labels: readonly HclLabel[];
  /** What stands between the braces, without them. */
  readonly body: HclBody;
}

/** Attributes and blocks in the order of the file. */
export interface HclBody extends HclRange {
  readonly items: readonly (HclAttribute | HclBlock)[];
}

/** A file of HCL: its structure, as far as it could be told, and where that breaks. */
export interface HclDocument {
  readonly text: string;
  readonly tokens: readonly HclToken[];
  readonly body: HclBody;
  /** Empty for a file whose structure is whole; sorted by position. */
  readonly problems: readonly HclProblem[];
}
