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
  /** The frame as it stands in the file. */
  readonly frame: Buffer;
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
  const waiting = frames.values();
  const underWay: Promise<TarPart>[] = [];
  const startNext = () => {
    const { value: frame } = waiting.next();
    if (frame === undefined) return;
    const part = decodeFrame(bundle, frame);
    // Its failure is thrown when its turn comes.
    part.catch(() => undefined);
    underWay.push(part);
  };
  for (let count = 0; count < window; count++) startNext();
  // While who asks works on one, the next are decoded.
  for (let part = underWay.shift(); part !== undefined; part = underWay.shift()) {
    signal.throwIfAborted();
    const decoded = await part;
    startNext();
    yield decoded;
  }
}

async function decodeFrame({ handle, file, header }: OpenBundle, frame: FrameRecord): Promise<TarPart> {
  const bytes = await readRange(handle, file, header.dataOffset + frame.offset, frame.bytes);
  const found = readZstdFrame(bytes);
  const isSound = found?.bytes === bytes.length && found.contentBytes === frame.tarBytes;
  const tar = isSound
    ? await decompress(bytes, { maxOutputLength: frame.tarBytes }).catch(() => undefined)
    : undefined;
  if (tar === undefined || tar.length !== frame.tarBytes) {
    throw damaged(file, `the frame at byte ${header.dataOffset + frame.offset} is damaged`);
  }
  return { tarOffset: frame.tarOffset, tar, frame: bytes };
}
