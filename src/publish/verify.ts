import { createHash } from 'node:crypto';
import type { Context } from '../core/context.ts';
import { SaddlebagError } from '../core/errors.ts';
import type { ReadableStore } from './store.ts';

/** A published file, and what is said of it. */
export interface VerifyOptions {
  readonly store: ReadableStore;
  readonly key: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Undefined where nobody says: then the store's own word is checked. */
  readonly sizeBytes: number | undefined;
}

/** What was read back, and found to be what was published. */
export interface Verification {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Whether the object carries its digest as metadata; a web server shows none. */
  readonly hasMetadata: boolean;
  /** Whether the file of its digest lies beside it. */
  readonly hasDigestFile: boolean;
}

/**
 * Reads a published file back, every byte, and compares size, digest, the digest in its metadata and the file of its
 * digest with what was published.
 * @throws {SaddlebagError} `object-missing`, `object-damaged` with all that differs, and what the store throws
 */
export async function verifyObject(
  options: VerifyOptions,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<Verification> {
  const { key, store } = options;
  const found = await store.head(key, signal);
  if (found === undefined) {
    throw new SaddlebagError('object-missing', `cannot verify ${store.describe(key)}: it is not there`, {
      hint: 'look for what deletes there (prune, a lifecycle rule), or publish again',
    });
  }
  const expectedBytes = options.sizeBytes ?? found.sizeBytes;
  const damaged = (problems: readonly string[]) =>
    new SaddlebagError('object-damaged', `cannot trust ${store.describe(key)}: ${problems.join('; ')}`, {
      hint: 'remove it and publish again; clients refuse it by its checksum',
    });
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of store.get(key, signal)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    // What goes on and on would be read for ever. 0 is of a server that tells no length.
    if (expectedBytes > 0 && sizeBytes > expectedBytes)
      throw damaged([`it has more than ${expectedBytes} bytes`]);
    reporter.report({ kind: 'progress', stage: 'verify', doneBytes: sizeBytes, totalBytes: expectedBytes });
  }
  const sha256 = hash.digest('hex');
  const beside = await digestBeside(store, key, signal);
  const problems = [
    ...(sizeBytes === expectedBytes ? [] : [`it has ${sizeBytes} bytes instead of ${expectedBytes}`]),
    ...(sha256 === options.sha256 ? [] : [`its sha256 is ${sha256}, not ${options.sha256}`]),
    ...(found.sha256 === undefined || found.sha256 === options.sha256
      ? []
      : [`its metadata says sha256 ${found.sha256}`]),
    ...(beside === undefined || beside === options.sha256 ? [] : [`its .sha256 file says ${beside}`]),
  ];
  if (problems.length === 0) {
    return {
      sizeBytes,
      sha256,
      hasMetadata: found.sha256 !== undefined,
      hasDigestFile: beside !== undefined,
    };
  }
  throw damaged(problems);
}

async function digestBeside(
  store: ReadableStore,
  key: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const document = await store.readDocument(`${key}.sha256`, signal).catch((cause: unknown) => {
    // A signed URL opens the file itself and nothing beside it.
    if (cause instanceof SaddlebagError && cause.code === 'download-failed') return undefined;
    throw cause;
  });
  return document?.text.split(' ')[0];
}
