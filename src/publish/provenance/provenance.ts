import { bundleFileName } from '../../core/bundle-name.ts';
import type { Bundle } from '../../core/types.ts';

/** A file to be published, and what is in it. */
export type DescribedFile = Pick<
  Bundle,
  'name' | 'appVersion' | 'arch' | 'sizeBytes' | 'sha256' | 'closureSha256'
> & {
  /** Version of the Saddlebag that wrote it; null for a program that is no file. */
  readonly toolVersion: string | null;
  /** Null for a program that is no file. */
  readonly contents: Pick<Bundle, 'source' | 'image'> | null;
};

/**
 * Writes what a bundle was made of and from, as JSON: the file `<file>.provenance.json` beside it. Neither a time nor a
 * user stands in it, so the same bundle of the same revision gives the same bytes; those are in `releases.json`.
 */
export function renderProvenance(file: DescribedFile, revision: string | null): string {
  const { contents } = file;
  const provenance = {
    version: 1,
    name: file.name,
    appVersion: file.appVersion,
    arch: file.arch,
    fileName: bundleFileName(file),
    sizeBytes: file.sizeBytes,
    sha256: file.sha256,
    closureSha256: file.closureSha256,
    source: contents?.source ?? null,
    revision,
    toolVersion: file.toolVersion,
    encoder: contents?.image.encoder ?? null,
    storePaths: (contents?.image.paths ?? []).map(
      ({ storePath, contentSha256, contentBytes, references }) => ({
        storePath,
        contentSha256,
        contentBytes,
        references,
      }),
    ),
  };
  return `${JSON.stringify(provenance, null, 2)}\n`;
}
