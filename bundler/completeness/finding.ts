/** Kinds of what may be wrong with a closure; the names that `--allow` takes. */
export const findingKinds = [
  'arch-unsupported',
  'interpreter-missing',
  'library-missing',
  'link-dangling',
  'secret-included',
] as const;

/** One of `findingKinds`. */
export type FindingKind = (typeof findingKinds)[number];

/** Something that a closure lacks, or should not hold. */
export interface Finding {
  readonly kind: FindingKind;
  /** Whether the app cannot start with it; else only a part of the closure may not work. */
  readonly fatal: boolean;
  /** What is wrong, the same text for several files: `libz.so.1 is missing`. */
  readonly problem: string;
  /** Absolute path in the closure of the file that it is about. */
  readonly file: string;
}
