import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { OpenBundle } from './bundle-file.ts';
import type { FrameRecord } from './format/index-table.ts';
import { fillRange } from './format/range.ts';
import { damaged } from './format/reader.ts';
import { readZstdFrame } from './format/zstd-frame.ts';

const decompress = promisify(zstdDecompress);

/** Frames decoded at once: enough for the threads of the pool. */
const window = 4;
/** What they may hold together, decoded, in bytes; fewer where the longest takes more than its part. */
const windowBytes = 64 * 1024 * 1024;

/** Decoded content of one frame, and where it begins in the tar. */
export interface TarPart {
  readonly tarOffset: number;
  readonly tar: Buffer;
  /** The frame as it stands in the file; only until the next part is asked for. */
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
  const mostBytes = frames.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  const mostTarBytes = frames.reduce((most, { tarBytes }) => Math.max(most, tarBytes), 1);
  const atOnce = Math.max(1, Math.min(window, Math.floor(windowBytes / mostTarBytes)));
  // One for each that is decoded and one for who works on the last: new ones would pile up before they are collected.
  const buffers = Array.from({ length: atOnce + 1 }, () => Buffer.allocUnsafe(mostBytes));
  let count = 0;
  const startNext = () => {
    const { value: frame } = waiting.next();
    const buffer = buffers[count++ % buffers.length];
    if (frame === undefined || buffer === undefined) return;
    const part = decodeFrame(bundle, frame, buffer.subarray(0, frame.bytes));
    // Its failure is thrown when its turn comes.
    part.catch(() => undefined);
    underWay.push(part);
  };
  for (let ahead = 0; ahead < atOnce; ahead++) startNext();
  // While who asks works on one, the next are decoded.
  for (let part = underWay.shift(); part !== undefined; part = underWay.shift()) {
    signal.throwIfAborted();
    const decoded = await part;
    startNext();
    yield decoded;
  }
}

async function decodeFrame(
  { handle, file, header }: OpenBundle,
  frame: FrameRecord,
  bytes: Buffer,
): Promise<TarPart> {
  await fillRange(handle, file, bytes, header.dataOffset + frame.offset);
  const found = readZstdFrame(bytes);
  const isSound = found?.bytes === bytes.length && found.contentBytes === frame.tarBytes;
  // In one piece, with room that shows the end: in the usual pieces of 64 kB, a frame of 1 MiB takes five times as long.
  const options = { maxOutputLength: frame.tarBytes, chunkSize: frame.tarBytes + 64 };
  const tar = isSound ? await decompress(bytes, options).catch(() => undefined) : undefined;
  if (tar === undefined || tar.length !== frame.tarBytes) {
    throw damaged(file, `the frame at byte ${header.dataOffset + frame.offset} is damaged`);
  }
  return { tarOffset: frame.tarOffset, tar, frame: bytes };
}
