import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';

/** Data that programs look for by fixed names and that no library brings: the names that `--with` takes. */
export const dataKinds = [
  'ca-certificates',
  'locales',
  'nss',
  'services',
  'shell',
  'terminfo',
  'tzdata',
] as const;

/** One of `dataKinds`. */
export type DataKind = (typeof dataKinds)[number];

/** What the user asked for, beside what is chosen by itself. */
export interface DataRequest {
  readonly with: readonly DataKind[];
  readonly without: readonly DataKind[];
}

/**
 * Parses lists of names with commas between.
 * @throws {SaddlebagError} `data-unknown`
 */
export function parseDataKinds(lists: readonly string[]): DataKind[] {
  const names = lists.flatMap((list) => list.split(',')).map((name) => name.trim());
  return names.map((name) => {
    const kind = dataKinds.find((candidate) => candidate === name);
    if (kind !== undefined) return kind;
    throw new SaddlebagError(
      'data-unknown',
      `cannot bring ${JSON.stringify(name)} along: there is no such data`,
      {
        hint: `--with takes ${dataKinds.join(', ')}`,
        exitCode: exitCodes.usage,
      },
    );
  });
}
