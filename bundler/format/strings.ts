import { flipStrings } from './layout.ts';

/** Where a string stands in its area; bytes. */
export interface StringReference {
  readonly offset: number;
  readonly length: number;
}

/** Collects the strings of one area in the order of `add`. */
export class StringArea {
  readonly #parts: Buffer[] = [];
  #length = 0;

  /** Appends a string and its NUL, and returns its reference. */
  add(text: string): StringReference {
    const bytes = Buffer.from(`${text}\0`);
    const reference = { offset: this.#length, length: bytes.length - 1 };
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return reference;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns the area as it stands in the file, top bits flipped. */
  encode(): Buffer {
    return flipStrings(Buffer.concat(this.#parts));
  }
}

/** Writes a string reference at `at`. */
export function writeReference(target: Buffer, at: number, reference: StringReference): void {
  target.writeUInt32LE(reference.offset, at);
  target.writeUInt32LE(reference.length, at + 4);
}
