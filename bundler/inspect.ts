import { createHash } from 'node:crypto';
import type { Bundle, ImagePath } from '../src/core/types.ts';
import { type OpenBundle, openBundle } from './bundle-file.ts';
import type { Header, PathRecord } from './format/header.ts';
import type { FrameRecord } from './format/index-table.ts';
import type { Metadata } from './format/metadata.ts';
import { runSettings } from './run-settings.ts';
import { type VerifyOptions, verifyFrames } from './verify.ts';

/**
 * Reads a bundle once and checks every byte of it: digests of header, index and runtime, and each frame decoded and
 * compared with the digests of the store paths.
 * @throws {SaddlebagError} `bundle-unreadable`, `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`
 */
export async function inspectBundle(path: string, options: VerifyOptions): Promise<Bundle> {
  await using bundle = await openBundle(path);
  return await inspectOpenBundle(bundle, options);
}

/**
 * As `inspectBundle`, of a bundle that is open, which stays the caller's.
 * @throws {SaddlebagError} `bundle-unreadable`, `bundle-damaged`
 */
export async function inspectOpenBundle(bundle: OpenBundle, options: VerifyOptions): Promise<Bundle> {
  const hash = createHash('sha256');
  const onBytes = (bytes: Uint8Array) => {
    hash.update(bytes);
    options.onBytes?.(bytes);
  };
  await verifyFrames(bundle, { ...options, onBytes });
  return describeBundle({ ...bundle, sha256: hash.digest('hex') });
}

/**
 * Describes a bundle from what stands in it; shared by who writes it and who reads it, so both say the same.
 */
export function describeBundle(parts: {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly header: Header;
  readonly metadata: Metadata;
  readonly frames: readonly FrameRecord[];
}): Bundle {
  const { header, metadata, frames } = parts;
  const storePaths = header.paths.map(({ storePath }) => storePath);
  const compressedBytes = compressedBytesOf(header.paths, frames);
  const paths: ImagePath[] = header.paths.map((path, index) => ({
    storePath: path.storePath,
    references: [...new Set(metadata.references[index])]
      .sort((a, b) => a - b)
      .flatMap((other) => storePaths[other] ?? []),
    entries: path.rowCount,
    contentBytes: path.contentBytes,
    compressedBytes: compressedBytes[index] ?? 0,
    contentSha256: path.contentSha256,
  }));
  const { entrypoint, programs, binds, root } = runSettings(header, metadata);
  return {
    version: 2,
    name: header.name,
    appVersion: header.appVersion,
    file: parts.file,
    arch: header.arch,
    source: metadata.source,
    entrypoint,
    programs,
    binds,
    root,
    imageSettings: metadata.imageSettings,
    excluded: metadata.excluded,
    relocateRefusal: header.relocateRefusal,
    runtimeOptions: header.runtimeOptions,
    sizeBytes: parts.sizeBytes,
    sha256: parts.sha256,
    closureSha256: header.closureSha256,
    toolVersion: header.toolVersion,
    tailOffset: header.dataOffset + 1,
    image: {
      sizeBytes: header.dataBytes,
      frames: frames.length,
      frameBytes: header.frameBytes,
      tarBytes: header.tarBytes,
      contentBytes: header.contentBytes,
      encoder: header.encoder,
      paths,
    },
  };
}

/**
 * Sums each store path's share of the frames that hold it, in bytes; of a shared frame by the length of its part. Both
 * stand in the order of the tar, so that each frame is looked at by the paths in it alone.
 */
function compressedBytesOf(paths: readonly PathRecord[], frames: readonly FrameRecord[]): number[] {
  let first = 0;
  return paths.map((path) => {
    const pathEnd = path.tarOffset + path.tarBytes;
    while (first < frames.length && endOf(frames[first]) <= path.tarOffset) first += 1;
    let bytes = 0;
    for (let at = first; at < frames.length; at++) {
      const frame = frames[at];
      if (frame === undefined || frame.tarOffset >= pathEnd) break;
      const start = Math.max(path.tarOffset, frame.tarOffset);
      const end = Math.min(pathEnd, endOf(frame));
      bytes += (frame.bytes * (end - start)) / frame.tarBytes;
    }
    return Math.round(bytes);
  });
}

function endOf(frame: FrameRecord | undefined): number {
  return frame === undefined ? 0 : frame.tarOffset + frame.tarBytes;
}
