import { isUtf8 } from 'node:buffer';
import { SaddlebagError } from '../../src/core/errors.ts';
import { flipStrings } from './layout.ts';

/**
 * Makes the error for a file that breaks FORMAT.md.
 */
export function damaged(file: string, reason: string, hint = 'fetch it or bundle it again'): SaddlebagError {
  return new SaddlebagError('bundle-damaged', `cannot read ${file}: ${reason}`, { hint });
}

/** How often an area may be read in all; who writes a bundle writes each string once. */
const mostReadings = 4;

/**
 * Reads numbers and strings out of bytes that are not to be trusted. Every number is checked here, once.
 */
export class Reader {
  readonly file: string;
  readonly #bytes: Buffer;
  readonly #what: string;
  #stringBytes = 0;

  /** `file` and `what` (`header`) are for messages. */
  constructor(file: string, what: string, bytes: Buffer) {
    this.file = file;
    this.#what = what;
    this.#bytes = bytes;
  }

  u16(at: number): number {
    this.#check(at, 2);
    return this.#bytes.readUInt16LE(at);
  }

  u32(at: number): number {
    this.#check(at, 4);
    return this.#bytes.readUInt32LE(at);
  }

  /** @throws {SaddlebagError} `bundle-damaged` also beyond 2^53, which no file reaches */
  u64(at: number): number {
    this.#check(at, 8);
    const value = Number(this.#bytes.readBigUInt64LE(at));
    if (!Number.isSafeInteger(value)) throw this.error(`a number at ${at} is too large`);
    return value;
  }

  hex(at: number, length: number): string {
    return this.slice(at, length).toString('hex');
  }

  slice(at: number, length: number): Buffer {
    this.#check(at, length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Reads the string that the reference at `at` names in `area` (as stored, top bits flipped). */
  string(at: number, area: Buffer): string {
    const offset = this.u32(at);
    const length = this.u32(at + 4);
    if (offset + length >= area.length) throw this.error(`a string at ${at} leaves its area`);
    this.#stringBytes += length + 1;
    // Each string stands for one reference: a few that all name the whole of a large area would be read for ever.
    if (this.#stringBytes > mostReadings * area.length) throw this.error('its strings lie over one another');
    const bytes = flipStrings(Buffer.from(area.subarray(offset, offset + length + 1)));
    if (bytes.indexOf(0) !== length) throw this.error(`a string at ${at} has no end, or two`);
    if (!isUtf8(bytes)) throw this.error(`a string at ${at} is not UTF-8`);
    return bytes.toString('utf8', 0, length);
  }

  /** Refuses bytes that should be zero. */
  zeros(at: number, length: number): void {
    if (this.slice(at, length).some((byte) => byte !== 0)) throw this.error(`bytes at ${at} are not zero`);
  }

  error(reason: string): SaddlebagError {
    return damaged(this.file, `its ${this.#what} is damaged (${reason})`);
  }

  #check(at: number, length: number): void {
    if (at < 0 || length < 0 || at + length > this.#bytes.length) {
      throw this.error(`${length} bytes at ${at} leave its ${this.#bytes.length}`);
    }
  }
}
