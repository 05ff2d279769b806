/** Tells that an answer is not what it should be: where, and what was expected there. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** One object of a server's JSON, read key by key. Keys that nobody asks for are let be: servers grow new ones. */
export class Shape {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  private constructor(fields: Readonly<Record<string, unknown>>, path: string) {
    this.#fields = fields;
    this.#path = path;
  }

  /**
   * Opens a value that must be an object; `path` is for messages.
   * @throws {ShapeError}
   */
  static of(value: unknown, path = 'answer'): Shape {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ShapeError(`${path}: expected an object`);
    }
    return new Shape(value as Readonly<Record<string, unknown>>, path);
  }

  /**
   * Reads a value that must be a list of objects; Go writes an empty list as null.
   * @throws {ShapeError}
   */
  static list<T>(value: unknown, read: (item: Shape) => T, path = 'answer'): T[] {
    if (value === null || value === undefined) return [];
    if (!Array.isArray(value)) throw new ShapeError(`${path}: expected a list`);
    return value.map((item, index) => read(Shape.of(item, `${path}[${index}]`)));
  }

  /**
   * Reads a value that must be an object whose keys are names, in the order of the names.
   * @throws {ShapeError}
   */
  static entries<T>(value: unknown, read: (item: Shape, name: string) => T, path = 'answer'): T[] {
    const inner = Shape.of(value, path);
    return Object.keys(inner.#fields)
      .sort()
      .map((name) => read(inner.object(name), name));
  }

  /** Returns the object as it came, without some of its keys. */
  without(keys: readonly string[]): Readonly<Record<string, unknown>> {
    return Object.fromEntries(Object.entries(this.#fields).filter(([key]) => !keys.includes(key)));
  }

  /** @throws {ShapeError} */
  text(key: string): string {
    const value = this.#fields[key];
    return typeof value === 'string' ? value : this.#fail(key, 'text');
  }

  /** Reads a text; one that is absent is empty. @throws {ShapeError} */
  optionalText(key: string): string {
    return this.#isAbsent(key) ? '' : this.text(key);
  }

  /** @throws {ShapeError} */
  number(key: string): number {
    const value = this.#fields[key];
    return typeof value === 'number' ? value : this.#fail(key, 'a number');
  }

  /** Reads a number; one that is absent is 0, or what is given for it. @throws {ShapeError} */
  optionalNumber(key: string, absent = 0): number {
    return this.#isAbsent(key) ? absent : this.number(key);
  }

  /** Reads a flag; one that is absent is false. @throws {ShapeError} */
  flag(key: string): boolean {
    return this.optionalFlag(key) ?? false;
  }

  /** @throws {ShapeError} */
  optionalFlag(key: string): boolean | null {
    if (this.#isAbsent(key)) return null;
    const value = this.#fields[key];
    return typeof value === 'boolean' ? value : this.#fail(key, 'true or false');
  }

  /** @throws {ShapeError} */
  object(key: string): Shape {
    return Shape.of(this.#fields[key], this.#pathOf(key));
  }

  /** @throws {ShapeError} */
  optionalObject(key: string): Shape | null {
    return this.#isAbsent(key) ? null : this.object(key);
  }

  /** @throws {ShapeError} */
  list<T>(key: string, read: (item: Shape) => T): T[] {
    return Shape.list(this.#fields[key], read, this.#pathOf(key));
  }

  /** Reads a list of texts; one that is absent is empty. @throws {ShapeError} */
  texts(key: string): string[] {
    if (this.#isAbsent(key)) return [];
    const value = this.#fields[key];
    const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return isTexts ? value : this.#fail(key, 'a list of texts');
  }

  /** Reads an object whose keys are names, in the order of the names; one that is absent is empty. @throws {ShapeError} */
  map<T>(key: string, read: (item: Shape, name: string) => T): T[] {
    return this.#isAbsent(key) ? [] : Shape.entries(this.#fields[key], read, this.#pathOf(key));
  }

  /** Reads an object of numbers by name, sorted; one that is absent is empty. @throws {ShapeError} */
  counts(key: string): readonly (readonly [name: string, count: number])[] {
    if (this.#isAbsent(key)) return [];
    const inner = this.object(key);
    return Object.keys(inner.#fields)
      .sort()
      .map((name) => [name, inner.number(name)] as const);
  }

  /** Reads an object of texts by name, sorted; one that is absent is empty. @throws {ShapeError} */
  optionalTexts(key: string): readonly (readonly [name: string, text: string])[] {
    if (this.#isAbsent(key)) return [];
    const inner = this.object(key);
    return Object.keys(inner.#fields)
      .sort()
      .map((name) => [name, inner.text(name)] as const);
  }

  #isAbsent(key: string): boolean {
    return this.#fields[key] === undefined || this.#fields[key] === null;
  }

  #pathOf(key: string): string {
    return `${this.#path}.${key}`;
  }

  #fail(key: string, expected: string): never {
    throw new ShapeError(`${this.#pathOf(key)}: expected ${expected}`);
  }
}
