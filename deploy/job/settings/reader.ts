import { nearest } from '../../../src/core/nearest.ts';
import { parseDuration } from '../duration.ts';
import { isTree, type NameOfSetting, onlyBlock, type SettingPath, type SettingsTree } from './tree.ts';

/** Collects what is wrong with settings, so that all of it is told at once. */
export class Problems {
  readonly #nameOf: NameOfSetting;
  readonly #messages: string[] = [];

  constructor(nameOf: NameOfSetting) {
    this.#nameOf = nameOf;
  }

  add(path: SettingPath, problem: string): void {
    this.#messages.push(`${this.#nameOf(path)}: ${problem}`);
  }

  /** In the order in which they were found; none twice. */
  messages(): readonly string[] {
    return [...new Set(this.#messages)];
  }
}

/** What a whole number may be. */
export interface NumberRange {
  readonly min: number;
  readonly max?: number;
  readonly unit?: string;
}

/** What a text must look like, and how that is said to people. */
export interface TextForm {
  readonly pattern: RegExp;
  readonly expected: string;
}

/**
 * Reads one block of settings key by key. What does not fit is a problem, and then what is returned is never used: null
 * as for a key that is not there. Numbers and flags may also be written as text, which is how they come from a command
 * line.
 */
export class SettingsReader {
  readonly path: SettingPath;
  readonly problems: Problems;
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();

  constructor(fields: SettingsTree, problems: Problems, path: SettingPath = []) {
    this.#fields = new Map(
      Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
    );
    this.problems = problems;
    this.path = path;
  }

  /** Lists what is given, in the order in which it was written. */
  keys(): readonly string[] {
    return [...this.#fields.keys()];
  }

  has(key: string): boolean {
    this.#asked.add(key);
    return this.#fields.has(key);
  }

  problem(key: string, problem: string): void {
    this.problems.add([...this.path, key], problem);
  }

  /** Reads a text. */
  text(key: string, form?: TextForm): string | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    if (typeof value !== 'string' && typeof value !== 'number') return this.#expected(key, 'text', value);
    return this.checkText([key], String(value), form);
  }

  /** Checks a text that was read already. */
  checkText(below: SettingPath, text: string, form: TextForm | undefined): string | null {
    if (form === undefined || form.pattern.test(text)) return text;
    this.problems.add([...this.path, ...below], `expected ${form.expected}, got ${show(text)}`);
    return null;
  }

  oneOf<T extends string>(key: string, values: readonly T[]): T | null {
    const text = this.text(key);
    if (text === null) return null;
    const found = values.find((value) => value === text);
    return found ?? this.#expected(key, `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`, text);
  }

  number(key: string, range: NumberRange): number | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    const max = range.max ?? 100_000_000;
    const isDigits = typeof value === 'string' && /^-?\d{1,9}$/.test(value);
    const number = isDigits || typeof value === 'number' ? Number(value) : Number.NaN;
    if (Number.isInteger(number) && number >= range.min && number <= max) return number;
    const unit = range.unit === undefined ? '' : `${range.unit} as `;
    const bounds = range.max === undefined ? `of at least ${range.min}` : `from ${range.min} to ${max}`;
    return this.#expected(key, `${unit}a whole number ${bounds}`, value);
  }

  flag(key: string): boolean | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    return this.#expected(key, 'true or false', value);
  }

  /** Reads a text, or a flag where no more than yes or no is said. */
  flagOrText(key: string, form: TextForm): boolean | string | null {
    const value = this.#fields.get(key);
    return typeof value === 'boolean' ? this.flag(key) : this.text(key, form);
  }

  /** Reads a duration in milliseconds. */
  duration(key: string): number | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    const durationMs = typeof value === 'string' ? parseDuration(value) : undefined;
    return durationMs ?? this.#expected(key, 'a duration like 30s or 1h30m', value);
  }

  texts(key: string, form?: TextForm): readonly string[] | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    const list = typeof value === 'string' ? [value] : value;
    if (!Array.isArray(list)) return this.#expected(key, 'a list', value);
    const texts: string[] = [];
    for (const [index, item] of list.entries()) {
      if (!isScalar(item)) this.problem(key, `expected text as item ${index + 1}, got ${show(item)}`);
      else if (this.checkText([key, String(index)], String(item), form) !== null) texts.push(String(item));
    }
    return texts;
  }

  /** Reads a map of texts in the order in which it was written; numbers and flags become text. */
  map(key: string): Readonly<Record<string, string>> | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    const map = onlyBlock(value);
    if (map === undefined) return this.#expected(key, 'a map', value);
    const entries: [string, string][] = [];
    for (const [name, item] of Object.entries(map)) {
      if (isScalar(item)) entries.push([name, String(item)]);
      else if (item === null) this.problem(key, `${show(name)} has no value`);
      else this.problems.add([...this.path, key, name], `expected text, got ${show(item)}`);
    }
    // fromEntries, not assignment: a name may be __proto__.
    return Object.fromEntries(entries);
  }

  /** Opens a block that comes at most once. */
  block(key: string): SettingsReader | null {
    const value = this.#take(key);
    if (value === undefined) return null;
    const block = onlyBlock(value);
    if (block === undefined) return this.#expected(key, `one block ${key} { … }`, value);
    return this.#open(block, [key]);
  }

  /** Opens each of the blocks of one name. */
  blocks(key: string): readonly SettingsReader[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    if (isTree(value)) return [this.#open(value, [key])];
    if (!Array.isArray(value) || !value.every(isTree)) {
      this.#expected(key, `blocks ${key} { … }`, value);
      return [];
    }
    return value.map((block, index) =>
      this.#open(block, [key, ...(value.length === 1 ? [] : [String(index)])]),
    );
  }

  /** Opens each of the blocks of one name that carry a label, by label. */
  labelled(key: string): readonly (readonly [label: string, block: SettingsReader])[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    if (!isTree(value)) {
      this.#expected(key, `blocks ${key} "label" { … }`, value);
      return [];
    }
    return Object.entries(value).flatMap(([label, body]) => {
      const block = onlyBlock(body);
      if (block !== undefined) return [[label, this.#open(block, [key, label])] as const];
      this.problems.add([...this.path, key, label], `expected one block ${key} "${label}" { … }`);
      return [];
    });
  }

  /** Reports the keys that nobody asked for. Call it when the block has been read. */
  end(): void {
    for (const key of this.#fields.keys()) {
      if (this.#asked.has(key)) continue;
      const near = nearest(key, [...this.#asked]);
      this.problem(
        key,
        near === undefined ? 'there is no such setting' : `there is no such setting: ${near}?`,
      );
    }
  }

  #open(fields: SettingsTree, below: SettingPath): SettingsReader {
    return new SettingsReader(fields, this.problems, [...this.path, ...below]);
  }

  #take(key: string): unknown {
    this.#asked.add(key);
    return this.#fields.get(key);
  }

  #expected(key: string, expected: string, value: unknown): null {
    this.problem(key, `expected ${expected}, got ${show(value)}`);
    return null;
  }
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
