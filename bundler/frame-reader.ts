import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { OpenBundle } from './bundle-file.ts';
import type { FrameRecord } from './format/index-table.ts';
import { readRange } from './format/range.ts';
import { damaged } from './format/reader.ts';
import { readZstdFrame } from './format/zstd-frame.ts';

const decompress = promisify(zstdDecompress);

/** Frames decoded at once: enough for the threads of the pool, and at most 2 × frameBytes of memory each. */
const window = 4;

/** Decoded content of one frame, and where it begins in the tar. */
export interface TarPart {
  readonly tarOffset: number;
  readonly tar: Buffer;
}

/**
 * Decodes frames in the order given.
 * @throws {SaddlebagError} `bundle-damaged`; the reason of `signal`
 */
export async function* readFrames(
  bundle: OpenBundle,
  frames: readonly FrameRecord[],
  signal: AbortSignal,
): AsyncGenerator<TarPart> {
  for (let at = 0; at < frames.length; at += window) {
    signal.throwIfAborted();
    const some = frames.slice(at, at + window);
    const tars = await Promise.all(some.map((frame) => decodeFrame(bundle, frame)));
    for (const [index, tar] of tars.entries()) yield { tarOffset: some[index]?.tarOffset ?? 0, tar };
  }
}

async function decodeFrame({ handle, file, header }: OpenBundle, frame: FrameRecord): Promise<Buffer> {
  const bytes = await readRange(handle, file, header.dataOffset + frame.offset, frame.bytes);
  const found = readZstdFrame(bytes);
  const isSound = found?.bytes === bytes.length && found.contentBytes === frame.tarBytes;
  const tar = isSound
    ? await decompress(bytes, { maxOutputLength: frame.tarBytes }).catch(() => undefined)
    : undefined;
  if (tar === undefined || tar.length !== frame.tarBytes) {
    throw damaged(file, `the frame at byte ${header.dataOffset + frame.offset} is damaged`);
  }
  return tar;
}
