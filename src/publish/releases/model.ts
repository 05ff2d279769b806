import { bundleFileName } from '../../core/bundle-name.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import { isImageSettings } from '../../core/image-settings.ts';
import type { Artifact, PublishedRelease, ReleaseList } from '../../core/types.ts';

/**
 * Parses a `releases.json`; `from` names it in errors.
 * @throws {SaddlebagError} `releases-invalid`
 */
export function parseReleaseList(text: string, from: string): ReleaseList {
  const invalid = (reason: string, cause?: unknown) =>
    new SaddlebagError('releases-invalid', `cannot read ${from}: ${reason}`, {
      cause,
      hint: 'restore it from a version of the bucket, or remove it: the next publish begins a new one',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isRecord(value) || value.version !== 1) throw invalid('it is no list of releases of version 1');
  const { name, serial, releases } = value;
  if (typeof name !== 'string' || !isCount(serial) || !Array.isArray(releases)) {
    throw invalid('name, serial or releases is missing');
  }
  const wrong = releases.findIndex((release) => !isRelease(release));
  if (wrong >= 0) throw invalid(`releases[${wrong}] is not what publish writes`);
  const list: ReleaseList = { version: 1, name, serial, releases: releases as PublishedRelease[] };
  const strange = list.releases.find(({ artifact }) => !isCalledSo(artifact, name));
  if (strange !== undefined) throw invalid(`${strange.artifact.fileName} is not what it says to be`);
  return list;
}

/** A file's name, which signatures vouch for, says of what it is; so no release can pass for one of another version. */
function isCalledSo(artifact: Artifact, name: string): boolean {
  return artifact.name === name && artifact.fileName === bundleFileName(artifact);
}

/** Writes a list as it is stored. */
export function renderReleaseList(list: ReleaseList): string {
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** Names a release in its list: the same bytes may have been published as two versions. */
export function idOf({ artifact }: PublishedRelease): string {
  return `${artifact.checksum}/${artifact.fileName}`;
}

/** Adds a release in front; the same artifact published again leaves its old place. */
export function addRelease(list: ReleaseList, release: PublishedRelease): ReleaseList {
  const others = list.releases.filter((other) => idOf(other) !== idOf(release));
  return { ...list, serial: list.serial + 1, releases: [release, ...others] };
}

/** Takes the releases of these ids (`idOf`) out; returns the list itself where there is none. */
export function withoutReleases(list: ReleaseList, ids: ReadonlySet<string>): ReleaseList {
  const releases = list.releases.filter((release) => !ids.has(idOf(release)));
  return releases.length === list.releases.length ? list : { ...list, serial: list.serial + 1, releases };
}

/** Which of a name's releases is meant: `NAME`, `NAME@VERSION` or `NAME@sha256:HEX`. */
export interface ReleaseReference {
  readonly name: string;
  /** A version, the beginning of a checksum (`sha256:ab12…`), or null for what was published last. */
  readonly version: string | null;
}

/**
 * Parses `NAME[@VERSION]`.
 * @throws {SaddlebagError} `release-reference-invalid`
 */
export function parseReleaseReference(text: string): ReleaseReference {
  const at = text.lastIndexOf('@');
  const name = at < 0 ? text : text.slice(0, at);
  const version = at < 0 ? null : text.slice(at + 1);
  if (name !== '' && version !== '' && !name.includes('/')) return { name, version };
  throw new SaddlebagError(
    'release-reference-invalid',
    `cannot look for ${JSON.stringify(text)}: expected NAME, NAME@VERSION or NAME@sha256:HEX`,
    { hint: 'the folders before the name belong to --from s3://BUCKET/PREFIX', exitCode: exitCodes.usage },
  );
}

/**
 * Finds the releases that a reference means, one for each processor: those of the version, or of what was published last;
 * of several builds of a version the last. `place` is where they were looked for, as `--from` takes it.
 * @throws {SaddlebagError} `release-unknown`, which names those that are there
 */
export function findReleases(
  list: ReleaseList,
  reference: ReleaseReference,
  place: string,
): PublishedRelease[] {
  const version = reference.version ?? list.releases[0]?.artifact.appVersion;
  const matching = list.releases.filter(({ artifact }) =>
    version?.startsWith('sha256:') === true
      ? artifact.checksum.startsWith(version.toLowerCase()) && version.length >= shortestChecksum
      : artifact.appVersion === version,
  );
  const newest = new Map<string, PublishedRelease>();
  for (const release of matching) {
    if (!newest.has(release.artifact.arch)) newest.set(release.artifact.arch, release);
  }
  if (newest.size > 0) return [...newest.values()];
  const wanted = reference.version === null ? reference.name : `${reference.name}@${reference.version}`;
  const known = [...new Set(list.releases.map(({ artifact }) => artifact.appVersion))];
  throw new SaddlebagError('release-unknown', `cannot find ${wanted} in ${place}: ${missingReason(known)}`, {
    hint:
      known.length === 0
        ? 'check the name, and that --from (or SADDLEBAG_STORE) is what publish --to was given'
        : `saddlebag releases ${reference.name} --from ${place} lists them`,
    exitCode: exitCodes.usage,
  });
}

/** `sha256:` and twelve digits, as git shortens names: none is met twice by accident. */
const shortestChecksum = 'sha256:'.length + 12;

function missingReason(known: readonly string[]): string {
  if (known.length === 0) return 'nothing is published under that name';
  const shown = known.slice(0, 8).map((version) => (version === '' ? 'one without a version' : version));
  return `there is ${shown.join(', ')}${known.length > shown.length ? ', …' : ''}`;
}

function isRelease(value: unknown): value is PublishedRelease {
  return (
    isRecord(value) &&
    isArtifact(value.artifact) &&
    typeof value.publishedAt === 'string' &&
    Number.isFinite(Date.parse(value.publishedAt)) &&
    isTextOrNull(value.publishedBy) &&
    isTextOrNull(value.revision) &&
    isRecord(value.labels) &&
    Object.values(value.labels).every((label) => typeof label === 'string')
  );
}

function isArtifact(value: unknown): value is Artifact {
  return (
    isRecord(value) &&
    value.version === 1 &&
    [value.name, value.appVersion, value.url, value.source, value.fileName, value.closureSha256].every(
      (text) => typeof text === 'string',
    ) &&
    (value.arch === 'x86_64' || value.arch === 'aarch64') &&
    isTextOrNull(value.interpreter) &&
    typeof value.init === 'boolean' &&
    (value.imageSettings === null || isImageSettings(value.imageSettings)) &&
    isCount(value.sizeBytes) &&
    typeof value.checksum === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(value.checksum)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
