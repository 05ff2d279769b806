import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { sha256Hex } from '../src/core/digest.ts';
import type { Header } from './format/header.ts';
import type { FrameRecord } from './format/index-table.ts';
import type { Metadata } from './format/metadata.ts';
import { readRange } from './format/range.ts';
import { damaged } from './format/reader.ts';
import { closureDigest } from './image.ts';
import { tarEnd } from './tar.ts';

const decompress = promisify(zstdDecompress);

/** Frames decoded at once: enough for the threads of the pool, and at most 2 × frameBytes of memory each. */
const window = 4;

/**
 * Decodes every frame and compares the digests of the store paths, of the closure and of the runtime.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export async function verifyFrames(
  handle: FileHandle,
  file: string,
  bundle: {
    readonly header: Header;
    readonly metadata: Metadata;
    readonly frames: readonly FrameRecord[];
  },
  options: {
    readonly signal: AbortSignal;
    readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  },
): Promise<void> {
  const { header, metadata, frames } = bundle;
  const runtime = await readRange(handle, file, 0, header.dataOffset);
  if (sha256Hex(runtime) !== metadata.runtimeSha256) {
    throw damaged(file, 'its runtime is damaged (the digest differs)');
  }
  const onFrame = (frame: FrameRecord) =>
    options.onProgress?.(frame.tarOffset + frame.tarBytes, header.tarBytes);
  for (const path of header.paths) {
    const hash = createHash('sha256');
    const own = frames.slice(path.firstFrame, path.firstFrame + path.frameCount);
    for (let at = 0; at < own.length; at += window) {
      options.signal.throwIfAborted();
      const some = own.slice(at, at + window);
      const tars = await Promise.all(some.map((frame) => decodeFrame(handle, file, header, frame)));
      for (const tar of tars) hash.update(tar);
      for (const frame of some) onFrame(frame);
    }
    if (hash.digest('hex') !== path.contentSha256) {
      throw damaged(file, `the content of ${path.storePath} is damaged (the digest differs)`);
    }
  }
  await verifyEnd(handle, file, header, frames);
  const [entrypoint] = header.entrypoints;
  const settings = {
    program: entrypoint?.program ?? '',
    args: header.args,
    env: header.env,
    interpreter: metadata.interpreter,
  };
  if (closureDigest({ ...header, entrypoint: settings }, header.paths) !== header.closureSha256) {
    throw damaged(file, 'its header is damaged (the closure digest differs)');
  }
}

async function verifyEnd(
  handle: FileHandle,
  file: string,
  header: Header,
  frames: readonly FrameRecord[],
): Promise<void> {
  const last = frames.at(-1);
  if (last === undefined || !(await decodeFrame(handle, file, header, last)).equals(tarEnd)) {
    throw damaged(file, 'its tar does not end');
  }
}

async function decodeFrame(
  handle: FileHandle,
  file: string,
  header: Header,
  frame: FrameRecord,
): Promise<Buffer> {
  const bytes = await readRange(handle, file, header.dataOffset + frame.offset, frame.bytes);
  const tar = await decompress(bytes, { maxOutputLength: Math.max(frame.tarBytes, 1) }).catch(
    () => undefined,
  );
  if (tar === undefined || tar.length !== frame.tarBytes) {
    throw damaged(file, `the frame at byte ${header.dataOffset + frame.offset} is damaged`);
  }
  return tar;
}
