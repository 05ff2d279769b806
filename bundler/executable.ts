import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { sha256Hex } from '../src/core/digest.ts';
import { writeAtomically } from '../src/core/files.ts';
import type { Bundle, Closure } from '../src/core/types.ts';
import { closureDigest, sortByName } from './closure-digest.ts';
import { headerFrameBytes, nameEncoder } from './compression.ts';
import { encodeHeader, type Header } from './format/header.ts';
import { encodeFrames } from './format/index-table.ts';
import type { Launch } from './format/launch.ts';
import {
  dataAlignment,
  headerFrameMagic,
  indexFrameMagic,
  paddingTo,
  skippableHeaderBytes,
  trailerBytes,
} from './format/layout.ts';
import { encodeMetadata, type Metadata } from './format/metadata.ts';
import { encodeTrailer } from './format/trailer.ts';
import { type ImageOptions, type WrittenImage, writeImage } from './image.ts';
import { describeBundle } from './inspect.ts';
import { relocateRefusal } from './relocation/refusal.ts';

/** How and where a bundle is written. */
export interface BundleOptions extends ImageOptions {
  /** Absolute path of the bundle to write. */
  readonly output: string;
  readonly force: boolean;
  readonly toolVersion: string;
  /** The runtime of the closure's architecture, as `readRuntime` gives it. */
  readonly runtime: Buffer;
  /** Called with the finished file before it gets its name; where it throws, nothing appears. */
  readonly accept?: (file: string) => Promise<void>;
  /** Whether the runtime answers to `--saddlebag-…`. */
  readonly runtimeOptions: boolean;
}

const bundleMode = 0o755;

/**
 * Writes a closure as one executable file: runtime, frames, index, header, trailer, in one pass. It appears under its
 * name whole or not at all.
 * @throws {SaddlebagError} `output-exists`, `output-is-directory`, `output-failed`, and what reading
 * the closure's files throws
 */
export async function writeBundle(closure: Closure, options: BundleOptions): Promise<Bundle> {
  const runtime = padded(options.runtime);
  return writeAtomically(
    options.output,
    {
      force: options.force,
      mode: bundleMode,
      signal: options.signal,
      ...(options.accept === undefined ? {} : { accept: options.accept }),
    },
    async (handle) => {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      const sink = async (bytes: Buffer) => {
        hash.update(bytes);
        sizeBytes += bytes.length;
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, at);
          at += bytesWritten;
        }
      };
      await sink(runtime);
      const image = await writeImage(closure, options, sink);
      const front = { runtime, sha256: hash.copy().digest('hex') };
      const { header, metadata, tail } = encodeTail(closure, options, front, image);
      await sink(tail);
      return describeBundle({
        file: options.output,
        sizeBytes,
        sha256: hash.digest('hex'),
        header,
        metadata,
        frames: image.frames,
      });
    },
  );
}

/** Brings the runtime to where the data may begin. */
function padded(runtime: Buffer): Buffer {
  return Buffer.concat([runtime, Buffer.alloc(paddingTo(runtime.length, dataAlignment))]);
}

/** What stands before the index. */
interface Front {
  readonly runtime: Buffer;
  /** Of runtime and data. */
  readonly sha256: string;
}

function metadataOf(closure: Closure, { runtime, sha256 }: Front): Metadata {
  const indexOf = new Map(closure.paths.map(({ storePath }, index) => [storePath, index]));
  return {
    source: closure.source,
    interpreter: closure.entrypoint.interpreter,
    imageSettings: closure.imageSettings,
    excluded: closure.excluded,
    references: closure.paths.map(({ references }) =>
      references.flatMap((reference) => indexOf.get(reference) ?? []),
    ),
    runtimeSha256: sha256Hex(runtime),
    frontSha256: sha256,
  };
}

/** Encodes all that follows the data frames. */
function encodeTail(
  closure: Closure,
  options: BundleOptions,
  front: Front,
  image: WrittenImage,
): { readonly header: Header; readonly metadata: Metadata; readonly tail: Buffer } {
  const { runtime } = front;
  const dataEnd = runtime.length + image.dataBytes;
  const frames = encodeFrames(image.frames);
  const metadata = metadataOf(closure, front);
  const metadataBytes = encodeMetadata(metadata);
  const rows = Buffer.concat(image.paths.map(({ slice }) => slice.rows));
  const rowStrings = Buffer.concat(image.paths.map(({ slice }) => slice.strings));
  const indexFrame = skippableFrame(indexFrameMagic, dataEnd, [frames, rows, rowStrings, metadataBytes]);
  const header = makeHeader(closure, options, image, {
    dataOffset: runtime.length,
    indexOffset: indexFrame.contentOffset,
    rowStringsBytes: rowStrings.length,
    metadataBytes: metadataBytes.length,
    framesSha256: sha256Hex(frames),
  });
  const headerBytes = encodeHeader(header);
  const headerFrameOffset = dataEnd + indexFrame.bytes.length;
  const trailerSpace = Buffer.alloc(trailerBytes);
  const headerFrame = skippableFrame(headerFrameMagic, headerFrameOffset, [headerBytes, trailerSpace]);
  const trailer = encodeTrailer({
    headerOffset: headerFrame.contentOffset,
    headerBytes: headerBytes.length,
    fileBytes: headerFrameOffset + headerFrame.bytes.length,
    headerSha256: sha256Hex(headerBytes),
  });
  trailer.copy(headerFrame.bytes, headerFrame.bytes.length - trailerBytes);
  return { header, metadata, tail: Buffer.concat([indexFrame.bytes, headerFrame.bytes]) };
}

/** Makes a skippable frame that begins at `offset` of the file and whose content begins at a multiple of 8. */
function skippableFrame(
  magic: number,
  offset: number,
  parts: readonly Buffer[],
): { readonly bytes: Buffer; readonly contentOffset: number } {
  const padding = paddingTo(offset + skippableHeaderBytes, 8);
  const content = [Buffer.alloc(padding), ...parts];
  const head = Buffer.alloc(skippableHeaderBytes);
  head.writeUInt32LE(magic, 0);
  head.writeUInt32LE(
    content.reduce((sum, part) => sum + part.length, 0),
    4,
  );
  return { bytes: Buffer.concat([head, ...content]), contentOffset: offset + skippableHeaderBytes + padding };
}

function makeHeader(
  closure: Closure,
  options: BundleOptions,
  image: WrittenImage,
  layout: Pick<Header, 'dataOffset' | 'indexOffset' | 'rowStringsBytes' | 'metadataBytes' | 'framesSha256'>,
): Header {
  let firstRow = 0;
  let rowStringsOffset = 0;
  const paths = image.paths.map((path) => {
    const record = {
      ...path,
      firstRow,
      rowCount: path.entryCount,
      rowStringsOffset,
      rowStringsBytes: path.slice.strings.length,
      sliceSha256: path.slice.sha256,
    };
    firstRow += record.rowCount;
    rowStringsOffset += record.rowStringsBytes;
    return record;
  });
  return {
    ...layout,
    arch: closure.arch,
    ownLoader: closure.ownLoader,
    frameBytes: headerFrameBytes(options.compression),
    dataBytes: image.dataBytes,
    tarBytes: image.tarBytes,
    contentBytes: image.contentBytes,
    frameCount: image.frames.length,
    rowCount: firstRow,
    closureSha256: closureDigest(closure, image.paths),
    name: closure.name,
    appVersion: closure.appVersion,
    encoder: nameEncoder(options.compression),
    toolVersion: options.toolVersion,
    paths,
    launch: launchOf(closure),
    root: closure.root,
    relocateRefusal: relocateRefusal(
      closure,
      image.paths.map(({ findings }) => findings),
    ),
    runtimeOptions: options.runtimeOptions,
  };
}

function launchOf({ entrypoint, programs, binds }: Closure): Launch {
  const { program, args, defaultArgs, env, init, ownName, workingDirectory } = entrypoint;
  return {
    entrypoints: [{ name: basename(program), program }, ...programs],
    args,
    defaultArgs,
    env: sortByName(env),
    init,
    ownName,
    workingDirectory,
    binds,
  };
}
