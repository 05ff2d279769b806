import { createHash } from 'node:crypto';
import { sha256Hex } from '../src/core/digest.ts';
import type { OpenBundle } from './bundle-file.ts';
import { closureDigest } from './closure-digest.ts';
import type { Header } from './format/header.ts';
import { readRange } from './format/range.ts';
import { damaged } from './format/reader.ts';
import { readFrames } from './frame-reader.ts';
import { runSettings } from './run-settings.ts';
import { tarEnd } from './tar.ts';

/** How a bundle is read and checked. */
export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes of content checked so far. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Called with all bytes of the file in order, each once; so a digest of it costs no second reading. */
  readonly onBytes?: (bytes: Uint8Array) => void;
}

/** Of what is read for `onBytes` only. */
const chunkBytes = 1 << 20;

/**
 * Decodes every frame and compares the digests of the store paths, of the closure and of the runtime.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export async function verifyFrames(bundle: OpenBundle, options: VerifyOptions): Promise<void> {
  const { handle, file, header, metadata, frames } = bundle;
  const runtime = await readRange(handle, file, 0, header.dataOffset);
  options.onBytes?.(runtime);
  if (sha256Hex(runtime) !== metadata.runtimeSha256) {
    throw damaged(file, 'its runtime is damaged (the digest differs)');
  }
  const digests = new PathDigests(file, header);
  for await (const { tar, frame } of readFrames(bundle, frames, options.signal)) {
    options.onBytes?.(frame);
    digests.update(tar);
    options.onProgress?.(digests.doneBytes, header.tarBytes);
  }
  if (closureDigest(runSettings(header, metadata), header.paths) !== header.closureSha256) {
    throw damaged(file, 'its header is damaged (the closure digest differs)');
  }
  if (options.onBytes === undefined) return;
  for (let at = header.dataOffset + header.dataBytes; at < bundle.sizeBytes; at += chunkBytes) {
    options.onBytes(await readRange(handle, file, at, Math.min(chunkBytes, bundle.sizeBytes - at)));
  }
}

/** Compares the digest of each store path's part of the tar as the tar goes by, and what ends it. */
class PathDigests {
  readonly #file: string;
  readonly #header: Header;
  #hash = createHash('sha256');
  #path = 0;
  doneBytes = 0;

  constructor(file: string, header: Header) {
    this.#file = file;
    this.#header = header;
  }

  /** @throws {SaddlebagError} `bundle-damaged` */
  update(tar: Buffer): void {
    let rest = tar;
    for (;;) {
      const path = this.#header.paths[this.#path];
      if (path === undefined) {
        this.#end(rest);
        return;
      }
      const missingBytes = path.tarOffset + path.tarBytes - this.doneBytes;
      const own = rest.subarray(0, missingBytes);
      this.#hash.update(own);
      this.doneBytes += own.length;
      rest = rest.subarray(own.length);
      if (own.length < missingBytes) return;
      if (this.#hash.digest('hex') !== path.contentSha256) {
        throw damaged(this.#file, `the content of ${path.storePath} is damaged (the digest differs)`);
      }
      this.#hash = createHash('sha256');
      this.#path += 1;
    }
  }

  /** The header says that just this much is left, so it comes once. */
  #end(rest: Buffer): void {
    if (rest.length === 0) return;
    if (!rest.equals(tarEnd)) throw damaged(this.#file, 'its tar does not end');
    this.doneBytes += rest.length;
  }
}
