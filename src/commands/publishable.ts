import { open, readFile } from 'node:fs/promises';
import { openBundle } from '../../bundler/bundle-file.ts';
import { endsAsBundle } from '../../bundler/format/trailer.ts';
import { inspectBundle } from '../../bundler/inspect.ts';
import { piecesOf } from '../../bundler/pieces.ts';
import type { Context } from '../core/context.ts';
import { Crc32 } from '../core/crc32.ts';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';
import type { Piece } from '../core/piece.ts';
import type { DescribedFile } from '../publish/provenance/provenance.ts';
import type { Publishable } from '../publish/publish.ts';
import { type ProgramNames, readProgram } from './published-program.ts';

/** What is published, and what is known of it. */
export type PublishedFile = Publishable & DescribedFile;

/**
 * Reads what is to be published, once, and checks every byte of it: a bundle, or what `bundle --json` printed; then the file
 * that it names must still be the one it describes. A program that is no bundle is taken as it is.
 * @throws {SaddlebagError} what `inspectBundle` and `readProgram` throw; `bundle-json-invalid`, `file-changed`, `flag-unused`
 */
export async function readPublishable(
  path: string,
  names: ProgramNames,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<PublishedFile> {
  const described = await readDescription(path);
  if (described === undefined && !(await endsAsBundle(path))) return readProgram(path, names, context);
  refuseNames(path, names);
  return readBundle(path, described, context);
}

function refuseNames(path: string, { name, appVersion }: ProgramNames): void {
  if (name === undefined && appVersion === undefined) return;
  throw new SaddlebagError('flag-unused', `cannot name ${path}: a bundle has its name and version in it`, {
    hint: 'give them to `saddlebag bundle`; publish takes --name and --app-version for other programs',
    exitCode: exitCodes.usage,
  });
}

async function readBundle(
  path: string,
  described: Description | undefined,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<PublishedFile> {
  const file = described?.file ?? path;
  const crc = new Crc32();
  const bundle = await inspectBundle(file, {
    signal,
    onBytes: (bytes) => crc.update(bytes),
    onProgress: (doneBytes, totalBytes) =>
      reporter.report({ kind: 'progress', stage: 'check', doneBytes, totalBytes }),
  });
  if (described === undefined || described.sha256 === bundle.sha256) {
    return { ...bundle, contents: bundle, crc32: crc.value, pieces: await readBundlePieces(file) };
  }
  throw new SaddlebagError(
    'file-changed',
    `cannot publish ${bundle.file}: it is not the bundle that ${path} describes`,
    {
      hint: 'bundle again, or give the bundle itself',
    },
  );
}

async function readBundlePieces(file: string): Promise<readonly Piece[]> {
  await using bundle = await openBundle(file);
  return piecesOf(bundle);
}

/** What is used of what `bundle --json` printed. */
interface Description {
  readonly file: string;
  readonly sha256: string;
}

async function readDescription(path: string): Promise<Description | undefined> {
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
      hint: 'give the path of a bundle, as `saddlebag bundle` printed it',
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
