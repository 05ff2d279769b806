import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';
import type { StoreFlags } from './stores.ts';

/** How a published artifact is looked for. */
export interface ArtifactFlags extends StoreFlags {
  /** Where the releases of NAME[@VERSION] are; SADDLEBAG_STORE otherwise. */
  readonly from?: string | undefined;
  readonly arch?: string | undefined;
  /** Of the command that asks, for its reports. */
  readonly stage: string;
}

/** What tells of an artifact: its JSON, or its source alone. */
export interface ArtifactText {
  readonly text: string;
  /** Where it was read, for errors; absent where the text was given itself. */
  readonly from?: string;
}

/**
 * Reads what tells of a published artifact: its source as it is; `-` for stdin; a release (`NAME[@VERSION]`) where a
 * store is named; else a file that `publish --json` wrote. `from` says in errors where the text was read.
 * @throws {SaddlebagError} `artifact-unreadable`; what `findArtifact` throws
 */
export async function readPublishedArtifact(
  input: { readonly artifact: string; readonly readStdin: (signal: AbortSignal) => Promise<string> },
  flags: ArtifactFlags,
  context: Context,
): Promise<ArtifactText> {
  const { artifact } = input;
  if (artifact.trim() === '') throw nothingGiven();
  if (artifact === '-') return { text: await input.readStdin(context.signal), from: 'the artifact on stdin' };
  // A URL, or one behind a forced getter: s3::https://…
  if (/^[a-z][a-z0-9+.-]*:(?::|\/\/)/i.test(artifact)) return { text: artifact };
  if (flags.from !== undefined) return readRelease(artifact, flags, context);
  const file = resolve(context.cwd, artifact);
  const hasStore = (context.env.SADDLEBAG_STORE ?? '') !== '';
  try {
    const text = await readFile(file, 'utf8');
    // The bundle itself may lie here under the name of its releases.
    const tellsOfOne = /^\s*(\{|[a-z][a-z0-9+.-]*:)/i.test(text);
    if (tellsOfOne || !hasStore || artifact.includes('/')) return { text, from: file };
    return await readRelease(artifact, flags, context);
  } catch (cause) {
    if (cause instanceof SaddlebagError) throw cause;
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && hasStore && !isFileName(artifact)) return readRelease(artifact, flags, context);
    throw new SaddlebagError('artifact-unreadable', `cannot read ${file}: ${describeCause(cause)}`, {
      hint: 'give a file that `saddlebag publish --json` wrote, an artifact source (URL?…&checksum=sha256:…), -, or a release and --from',
      cause,
      exitCode: exitCodes.usage,
    });
  }
}

/** What an artifact's JSON says of the file besides what a job needs; a bare source says none of it. */
export interface FileFacts {
  readonly fileName: string | undefined;
  /** The text of its signature. */
  readonly signature: string | undefined;
  readonly sizeBytes: number | undefined;
}

/** Reads what is said of the file in a text that `parseArtifact` has taken. */
export function readFacts(text: string): FileFacts {
  const record = text.trimStart().startsWith('{') ? JSON.parse(text) : {};
  const { fileName, signature, sizeBytes } = record as Readonly<Record<string, unknown>>;
  const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    fileName: textOf(fileName),
    signature: textOf(signature),
    sizeBytes: typeof sizeBytes === 'number' ? sizeBytes : undefined,
  };
}

/** Tells what can only be meant as a file from what may be the name of a release. */
function isFileName(text: string): boolean {
  return text.includes('/') || text.endsWith('.json');
}

function nothingGiven(): SaddlebagError {
  return new SaddlebagError('artifact-unreadable', 'cannot read the artifact: it is an empty text', {
    hint: 'where `saddlebag publish` was to print it, see why that failed',
    exitCode: exitCodes.usage,
  });
}

/** Finds a release and returns its artifact as `publish --json` printed it. */
async function readRelease(
  reference: string,
  { from, arch, stage, ...flags }: ArtifactFlags,
  context: Context,
): Promise<{ readonly text: string; readonly from: string }> {
  // Only now: the S3 client takes long to load, and most deploys need none.
  const { findArtifact } = await import('./release-artifact.ts');
  const { caFile, endpoint, pathStyle, region, anonymous } = flags;
  const artifact = await findArtifact(
    reference,
    { from, flags: { caFile, endpoint, pathStyle, region, anonymous }, arch },
    context,
  );
  const { appVersion, checksum } = artifact;
  const message = `${reference} is version ${appVersion || '(none)'}, ${checksum}`;
  context.reporter.report({ kind: 'step', stage, message });
  return { text: JSON.stringify(artifact), from: `the release ${reference}` };
}
