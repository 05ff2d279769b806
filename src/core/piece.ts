/** Bytes that can be read at any place: a file, or an object in a store. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Returns just so many bytes; fails where there are fewer. */
  read(offset: number, length: number): Promise<Buffer>;
}

/**
 * A stretch of a file that may stand in another file as well. Two pieces of one identity and size hold the same bytes,
 * as far as can be told without reading them: who relies on it compares a checksum. In the order of their offsets,
 * without overlap; what no piece covers is in no other file.
 */
export interface Piece {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly identity: string;
}
