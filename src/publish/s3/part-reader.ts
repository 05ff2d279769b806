import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { combineCrc32 } from '../../core/crc32.ts';
import type { Content, OpenContent } from '../content.ts';
import type { Part } from '../parts.ts';

/** A part to be read, and memory for as much of it as is read at once. */
export interface ReadTask {
  readonly part: Part;
  readonly buffer: Buffer;
  /** The MD5 is slow: it is taken only where it is asked for. */
  readonly byMd5: boolean;
}

/** Digests of a part of the file. */
export interface LocalPart {
  readonly crc: number;
  readonly md5: Buffer | undefined;
}

/**
 * Reads all parts of a file, one after the other, in the order in which they are asked for, which is that of the file: so
 * that what is proved of the file is proved of the bytes that are sent, and a disk reads it from its beginning to its end.
 */
export class PartReader {
  readonly #file: OpenContent;
  readonly #content: Content;
  /** Undefined where the CRC-32 is known, which costs less. */
  readonly #sha256: Hash | undefined;
  #crc32 = 0;
  #lastRead: Promise<unknown> = Promise.resolve();

  constructor(file: OpenContent, content: Content) {
    this.#file = file;
    this.#content = content;
    this.#sha256 = content.crc32 === null ? createHash('sha256') : undefined;
  }

  /** Reads a part and takes its digests; one that fits the buffer stands there then. */
  read(task: ReadTask): Promise<LocalPart> {
    const read = this.#lastRead.then(() => this.#read(task));
    // Whoever asked for the part that cannot be read ends the upload.
    this.#lastRead = read.catch(() => undefined);
    return read;
  }

  async #read({ part, buffer, byMd5 }: ReadTask): Promise<LocalPart> {
    const md5 = byMd5 ? createHash('md5') : undefined;
    let crc = 0;
    for (let at = 0; at < part.sizeBytes; at += buffer.length) {
      const bytes = buffer.subarray(0, Math.min(buffer.length, part.sizeBytes - at));
      await this.#file.read(bytes, part.offset + at);
      crc = crc32(bytes, crc);
      this.#sha256?.update(bytes);
      md5?.update(bytes);
    }
    this.#crc32 = combineCrc32(this.#crc32, crc, part.sizeBytes);
    return { crc, md5: md5?.digest() };
  }

  /**
   * Returns the CRC-32 of all parts, once all have been read.
   * @throws {SaddlebagError} `file-changed` when they are not what was promised of the content
   */
  finish(): number {
    const isPromised =
      this.#sha256 === undefined
        ? this.#crc32 === this.#content.crc32
        : this.#sha256.digest('hex') === this.#content.sha256;
    if (!isPromised) throw this.#content.changed();
    return this.#crc32;
  }
}
