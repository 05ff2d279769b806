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

/**
 * Decodes every frame and compares the digests of the store paths, of the closure and of the runtime.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export async function verifyFrames(
  bundle: OpenBundle,
  options: {
    readonly signal: AbortSignal;
    readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  },
): Promise<void> {
  const { handle, file, header, metadata, frames } = bundle;
  const runtime = await readRange(handle, file, 0, header.dataOffset);
  if (sha256Hex(runtime) !== metadata.runtimeSha256) {
    throw damaged(file, 'its runtime is damaged (the digest differs)');
  }
  const digests = new PathDigests(file, header);
  for await (const { tar } of readFrames(bundle, frames, options.signal)) {
    digests.update(tar);
    options.onProgress?.(digests.doneBytes, header.tarBytes);
  }
  if (closureDigest(runSettings(header, metadata), header.paths) !== header.closureSha256) {
    throw damaged(file, 'its header is damaged (the closure digest differs)');
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
