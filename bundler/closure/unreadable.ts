import { describeCause, SaddlebagError } from '../../src/core/errors.ts';

/** Makes the error for what is to be bundled and cannot be read; names the file in it that `cause` is about. */
export function unreadable(place: string, cause: unknown): SaddlebagError {
  const { code = '', path = place } = cause as NodeJS.ErrnoException;
  const hint = hints[code];
  return new SaddlebagError('tree-unreadable', `cannot read ${path}: ${describeCause(cause)}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

const hints: Readonly<Record<string, string>> = {
  EACCES: 'make it readable for the user who bundles',
  ENOENT: 'it was there a moment ago: run the same command again when nothing changes it',
};
