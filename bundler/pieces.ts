import type { ByteSource, Piece } from '../src/core/piece.ts';
import { type IndexedHeader, readFrameTable } from './bundle-file.ts';
import type { PathRecord } from './format/header.ts';
import type { FrameRecord } from './format/index-table.ts';

/**
 * Cuts a bundle into runtime and frames, each named by what it holds: a frame by its encoder, its length and which part of
 * which content it is, which decides its bytes. Reads header and frame table only, so a bundle in a bucket will do.
 * @param name for errors
 * @throws {SaddlebagError} `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`; what `source` throws
 */
export async function readPieces(source: ByteSource, name: string): Promise<readonly Piece[]> {
  return piecesOf(await readFrameTable(source, name));
}

/** As `readPieces`, of a bundle that is open. */
export function piecesOf({ header, metadata, frames }: IndexedHeader): readonly Piece[] {
  const contents = new Contents(header.paths);
  return [
    { offset: 0, sizeBytes: header.dataOffset, identity: `runtime ${metadata.runtimeSha256}` },
    ...frames.map((frame) => ({
      offset: header.dataOffset + frame.offset,
      sizeBytes: frame.bytes,
      identity: `${header.encoder} ${contents.describe(frame)}`,
    })),
  ];
}

/** Says of which contents frames are made; asked in the order of the tar, it looks at each path once. */
class Contents {
  readonly #paths: readonly PathRecord[];
  #first = 0;

  constructor(paths: readonly PathRecord[]) {
    this.#paths = paths;
  }

  describe({ tarOffset, tarBytes }: FrameRecord): string {
    const end = tarOffset + tarBytes;
    while (isBefore(this.#paths[this.#first], tarOffset)) this.#first += 1;
    const parts: string[] = [];
    for (let at = this.#first; ; at++) {
      const path = this.#paths[at];
      if (path === undefined || path.tarOffset >= end) break;
      const from = Math.max(tarOffset, path.tarOffset) - path.tarOffset;
      const to = Math.min(end, path.tarOffset + path.tarBytes) - path.tarOffset;
      parts.push(`${path.contentSha256}:${from}-${to}`);
    }
    // The last frame ends the tar and holds no path's content.
    return `${tarBytes} ${parts.join(' ')}`;
  }
}

function isBefore(path: PathRecord | undefined, tarOffset: number): boolean {
  return path !== undefined && path.tarOffset + path.tarBytes <= tarOffset;
}
