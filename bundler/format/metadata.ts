import { createHash } from 'node:crypto';
import { isImageSettings } from '../../src/core/image-settings.ts';
import {
  type ClosureSource,
  closureSources,
  type Exclusion,
  type ImageSettings,
} from '../../src/core/types.ts';
import { flipStrings } from './layout.ts';
import { damaged } from './reader.ts';

/** What tools know of a bundle beyond what it needs to run. Source: FORMAT.md, "Index". */
export interface Metadata {
  readonly source: ClosureSource;
  readonly interpreter: string | null;
  readonly imageSettings: ImageSettings | null;
  readonly excluded: readonly Exclusion[];
  /** For each store path the indexes of those that it refers to. */
  readonly references: readonly (readonly number[])[];
  /** Of the bytes before the data. */
  readonly runtimeSha256: string;
  /** Of the bytes before the index; undefined in bundles of versions that did not tell. */
  readonly frontSha256?: string;
}

const digestBytes = 32;

/** Returns the metadata as it stands in the file. */
export function encodeMetadata(metadata: Metadata): Buffer {
  const body = flipStrings(Buffer.from(JSON.stringify(metadata)));
  return Buffer.concat([createHash('sha256').update(body).digest(), body]);
}

/**
 * Reads the metadata; `pathCount` bounds its references.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function decodeMetadata(file: string, bytes: Buffer, pathCount: number): Metadata {
  const body = bytes.subarray(digestBytes);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(0, digestBytes))) {
    throw damaged(file, 'its metadata is damaged (the digest differs)');
  }
  const value = parse(flipStrings(Buffer.from(body)).toString());
  if (value === undefined || value.references.length !== pathCount) {
    throw damaged(file, 'its metadata is damaged (a key is missing or of another kind)');
  }
  if (value.references.flat().some((index) => !Number.isInteger(index) || index < 0 || index >= pathCount)) {
    throw damaged(file, 'its metadata is damaged (a reference leads nowhere)');
  }
  return value;
}

function parse(text: string): Metadata | undefined {
  let value: Partial<Record<keyof Metadata, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  const { source, interpreter, imageSettings, excluded, references, runtimeSha256, frontSha256 } =
    value ?? {};
  const ok =
    closureSources.includes(source as ClosureSource) &&
    (interpreter === null || typeof interpreter === 'string') &&
    (imageSettings === null || isImageSettings(imageSettings)) &&
    Array.isArray(excluded) &&
    excluded.every(isExclusion) &&
    Array.isArray(references) &&
    references.every(Array.isArray) &&
    typeof runtimeSha256 === 'string' &&
    (frontSha256 === undefined || typeof frontSha256 === 'string');
  return ok ? (value as Metadata) : undefined;
}

function isExclusion(value: unknown): value is Exclusion {
  const { glob, files, bytes } = (value ?? {}) as Partial<Record<keyof Exclusion, unknown>>;
  return typeof glob === 'string' && typeof files === 'number' && typeof bytes === 'number';
}
