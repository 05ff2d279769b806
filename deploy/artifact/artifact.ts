import { describeJsonFailure, exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { isImageSettings } from '../../src/core/image-settings.ts';
import { splitNameVersion } from '../../src/core/store-path.ts';
import type { Arch, ImageSettings } from '../../src/core/types.ts';
import { type ArtifactSource, checksumProblem, parseArtifactSource, shownSource } from './artifact-source.ts';

/** What a job needs to know of a published bundle. */
export interface DeployArtifact {
  readonly name: string;
  /** Null when only a source was given and its file name does not say. */
  readonly arch: Arch | null;
  /** Base name of the interpreter (`python3.11`); null for a program of its own, or when not known. */
  readonly interpreter: string | null;
  /** Whether a small init runs as the app's parent; null when not known. */
  readonly init: boolean | null;
  /** What the image that was bundled says of how it runs; null for other bundles, or when not known. */
  readonly imageSettings: ImageSettings | null;
  readonly source: ArtifactSource;
}

/**
 * Parses what `saddlebag publish` printed: the JSON of an Artifact, or the one line of an artifact source. A source says
 * less: name and architecture are taken from its path. `from` says in errors where a text was read, in place of the
 * text: a wrong file may hold secrets, or no text at all.
 * @throws {SaddlebagError} `artifact-invalid`
 */
export function parseArtifact(text: string, from?: string): DeployArtifact {
  const trimmed = text.trim();
  if (trimmed === '') throw invalid(from ?? 'the artifact', ['it is empty']);
  if (trimmed.startsWith('\x7fELF') || trimmed.startsWith('#!')) {
    throw invalid(
      from ?? 'the artifact',
      ['it is a program, not what tells of a published one'],
      publishFirst,
    );
  }
  return trimmed.startsWith('{')
    ? parseArtifactJson(trimmed, from ?? 'the artifact')
    : parseBareSource(trimmed, from);
}

function parseBareSource(text: string, from: string | undefined): DeployArtifact {
  const shown = from ?? `artifact ${shownSource(text)}`;
  const source = parseArtifactSource(text);
  if (typeof source === 'string') throw invalid(shown, [source]);
  const { name, arch } = parsePath(source);
  if (name === '') throw invalid(shown, ['its path names no file']);
  return { name, arch, interpreter: null, init: null, imageSettings: null, source };
}

/**
 * Reads `…/<name>/<sha256>/<name>-<version>-<arch>` as `publish` writes it; of another URL the file's name, of which each
 * part but the first may be missing.
 */
function parsePath({ path, checksum }: ArtifactSource): {
  readonly name: string;
  readonly arch: Arch | null;
} {
  const [fileName = '', digest, name] = path.split('/').toReversed();
  const match = /^(.*)-(x86_64|aarch64)$/.exec(fileName);
  const arch = match === null ? null : match[2] === 'x86_64' ? 'x86_64' : 'aarch64';
  // A name may hold what looks like a version; where it has a part of the path to itself, no guess is needed.
  if (name !== undefined && `sha256:${digest}` === checksum) return { name, arch };
  return { name: splitNameVersion(match?.[1] ?? fileName).name, arch };
}

function parseArtifactJson(text: string, from: string): DeployArtifact {
  const record = parseRecord(text, from);
  const problems: string[] = [];
  const { name, arch, interpreter = null, init = null, imageSettings = null, checksum, source } = record;
  if (record.version !== 1) problems.push(`version: expected 1, got ${show(record.version)}`);
  if (typeof name !== 'string' || name === '') problems.push(`name: expected text, got ${show(name)}`);
  if (!isArch(arch)) problems.push(`arch: expected "x86_64" or "aarch64", got ${show(arch)}`);
  if (interpreter !== null && typeof interpreter !== 'string') {
    problems.push(`interpreter: expected text or null, got ${show(interpreter)}`);
  }
  if (init !== null && typeof init !== 'boolean') {
    problems.push(`init: expected true or false, got ${show(init)}`);
  }
  if (imageSettings !== null && !isImageSettings(imageSettings)) {
    problems.push(`imageSettings: expected user, ports and stopSignal, got ${show(imageSettings)}`);
  }
  const parsed =
    typeof source === 'string' ? parseArtifactSource(source) : `expected text, got ${show(source)}`;
  if (typeof parsed === 'string') problems.push(`source: ${parsed}`);
  else problems.push(...checksumProblems(checksum, parsed.checksum));
  if (
    problems.length > 0 ||
    typeof name !== 'string' ||
    !isArch(arch) ||
    (interpreter !== null && typeof interpreter !== 'string') ||
    (init !== null && typeof init !== 'boolean') ||
    (imageSettings !== null && !isImageSettings(imageSettings)) ||
    typeof parsed === 'string'
  ) {
    throw invalid(from, problems);
  }
  return { name, arch, interpreter, init, imageSettings, source: parsed };
}

function checksumProblems(checksum: unknown, inSource: string): string[] {
  if (typeof checksum !== 'string') return [`checksum: expected text, got ${show(checksum)}`];
  const problem = checksumProblem(checksum);
  if (problem !== undefined) return [`checksum: ${problem}`];
  return checksum.toLowerCase() === inSource ? [] : ['checksum: it differs from the one in source'];
}

function parseRecord(text: string, from: string): Readonly<Record<string, unknown>> {
  try {
    // A text that begins with a brace and is JSON is an object.
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw invalid(from, [`not JSON: ${describeJsonFailure(cause)}`]);
  }
}

function isArch(value: unknown): value is Arch {
  return value === 'x86_64' || value === 'aarch64';
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const givePublished =
  'give what `saddlebag publish` prints: URL?archive=false&checksum=sha256:…, or its --json in a file or on stdin (-)';
const publishFirst = 'if it is a bundle, publish it first, and give what `saddlebag publish` prints';

function invalid(object: string, problems: readonly string[], hint = givePublished): SaddlebagError {
  return new SaddlebagError('artifact-invalid', `cannot deploy ${object}: ${problems.join('; ')}`, {
    hint,
    exitCode: exitCodes.usage,
  });
}
