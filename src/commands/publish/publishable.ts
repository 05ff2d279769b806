import { open, readFile } from 'node:fs/promises';
import { type OpenBundle, openBundle } from '../../../bundler/bundle-file.ts';
import { endsAsBundle } from '../../../bundler/format/trailer.ts';
import { describeBundle, inspectOpenBundle } from '../../../bundler/inspect.ts';
import { piecesOf } from '../../../bundler/pieces.ts';
import type { Context } from '../../core/context.ts';
import { Crc32 } from '../../core/crc32.ts';
import { describeCause, exitCodes, SaddlebagError } from '../../core/errors.ts';
import type { ContentDigest } from '../../publish/content.ts';
import type { DescribedFile } from '../../publish/provenance/provenance.ts';
import type { Publishable } from '../../publish/publish.ts';
import { readDigests } from './file-digests.ts';
import { knownDigests } from './known-digest.ts';
import { type ProgramNames, readProgram } from './published-program.ts';

/** What is published, and what is known of it. */
export type PublishedFile = Publishable & DescribedFile;

/** What is known of a bundle that `saddlebag bundle` has written: used of what its `--json` prints. */
export interface WrittenBundle {
  readonly file: string;
  readonly sha256: string;
}

type ReadingContext = Pick<Context, 'env' | 'reporter' | 'signal'>;

/**
 * Reads what is to be published, once, and checks every byte of it: a bundle by what it says of itself; one that is
 * described, in JSON or by who has just written it, by that SHA-256, which is faster. A program that is no bundle is
 * taken as it is. Whatever `bundle` has written here, or was read before, is known by its digest and not read: then its
 * `crc32` is null.
 * @throws {SaddlebagError} what `openBundle`, `inspectOpenBundle` and `readProgram` throw; `bundle-json-invalid`,
 *   `file-changed`, `flag-unused`
 */
export async function readPublishable(
  given: string | WrittenBundle,
  names: ProgramNames,
  context: ReadingContext,
): Promise<PublishedFile> {
  if (typeof given !== 'string') return readWritten(given, given.file, context);
  const written = await readDescription(given);
  if (written === undefined && !(await endsAsBundle(given))) return readProgram(given, names, context);
  refuseNames(given, names);
  return written === undefined ? readBundle(given, context) : readWritten(written, given, context);
}

function refuseNames(path: string, { name, appVersion }: ProgramNames): void {
  if (name === undefined && appVersion === undefined) return;
  throw new SaddlebagError('flag-unused', `cannot name ${path}: a bundle has its name and version in it`, {
    hint: 'give them to `saddlebag bundle`; publish takes --name and --app-version for other programs',
    exitCode: exitCodes.usage,
  });
}

async function readBundle(path: string, context: ReadingContext): Promise<PublishedFile> {
  await using opened = await openBundle(path);
  const digests = await knownDigests(opened.file, () => checkBundle(opened, context), context);
  return describe(opened, digests);
}

/**
 * Checks all that is in a bundle: by the digest that it has of its own bytes, and where it has none, or another, frame by
 * frame, which takes longer and says what is damaged.
 */
async function checkBundle(opened: OpenBundle, context: ReadingContext): Promise<ContentDigest> {
  const { file, header, metadata } = opened;
  if (metadata.frontSha256 !== undefined) {
    const digests = await readDigests(file, context, header.dataOffset + header.dataBytes);
    if (digests.frontSha256 === metadata.frontSha256) return digests;
  }
  const crc = new Crc32();
  const { sizeBytes, sha256 } = await inspectOpenBundle(opened, {
    signal: context.signal,
    onBytes: (bytes) => crc.update(bytes),
    onProgress: (doneBytes, totalBytes) =>
      context.reporter.report({ kind: 'progress', stage: 'check', doneBytes, totalBytes }),
  });
  return { sizeBytes, sha256, crc32: crc.value };
}

/** Compares the whole file with its digest: then its frames are what `bundle` wrote, and need not be decoded. */
async function readWritten(
  { file, sha256 }: WrittenBundle,
  describedBy: string,
  context: ReadingContext,
): Promise<PublishedFile> {
  await using opened = await openBundle(file);
  const compare = async () => {
    const digests = await readDigests(file, context);
    if (digests.sha256 !== sha256) throw notDescribed(opened.file, describedBy);
    return digests;
  };
  const digests = await knownDigests(opened.file, compare, context);
  if (digests.sha256 !== sha256) throw notDescribed(opened.file, describedBy);
  return describe(opened, digests);
}

function notDescribed(file: string, describedBy: string): SaddlebagError {
  const what = describedBy === file ? 'that was written' : `that ${describedBy} describes`;
  return new SaddlebagError('file-changed', `cannot publish ${file}: it is not the bundle ${what}`, {
    hint: 'bundle again, or give the bundle itself',
  });
}

function describe(opened: OpenBundle, { sha256, crc32 }: ContentDigest): PublishedFile {
  const bundle = describeBundle({ ...opened, sha256 });
  return { ...bundle, contents: bundle, crc32, pieces: piecesOf(opened) };
}

async function readDescription(path: string): Promise<WrittenBundle | undefined> {
  if ((await firstByte(path)) !== '{') return undefined;
  const invalid = (reason: string, cause?: unknown) =>
    new SaddlebagError('bundle-json-invalid', `cannot read ${path}: ${reason}`, {
      cause,
      hint: 'give a bundle, or the JSON that `saddlebag bundle --json` printed',
    });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw invalid('it is neither a bundle nor JSON', cause);
  }
  const { version, file, sha256 } = value as Readonly<Record<string, unknown>>;
  if (version !== 2 || typeof file !== 'string' || typeof sha256 !== 'string') {
    throw invalid('it does not describe a bundle of version 2');
  }
  return { file, sha256 };
}

async function firstByte(path: string): Promise<string> {
  const refused = (cause: unknown) =>
    new SaddlebagError('bundle-unreadable', `cannot read ${path}: ${describeCause(cause)}`, {
      cause,
      hint: isDirectory(cause)
        ? `bundle it first: saddlebag bundle ${path}`
        : 'give the path of a bundle, as `saddlebag bundle` printed it',
    });
  const handle = await open(path).catch((cause: unknown) => {
    throw refused(cause);
  });
  try {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(1) });
    return buffer.toString('latin1', 0, bytesRead);
  } catch (cause) {
    throw refused(cause);
  } finally {
    await handle.close();
  }
}

function isDirectory(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'EISDIR';
}
