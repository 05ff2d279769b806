import { basename, dirname } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';

/** A file that looks for the program of its name on the machine that it runs on. */
interface StandIn {
  readonly whose: string;
  /** Tells it by the path under which it is called, and the real one. */
  readonly matches: (file: string, real: string) => boolean;
  /** Where the program itself is; `{name}` stands for its name. */
  readonly hint: string;
}

const isCalledAs = (names: RegExp) => (file: string, real: string) =>
  names.test(basename(real)) && basename(file) !== basename(real);

const standIns: readonly StandIn[] = [
  {
    whose: "postgresql-common's",
    matches: isCalledAs(/^pg_wrapper$/),
    hint: 'give the program itself: ls /usr/lib/postgresql/*/bin/{name}',
  },
  { whose: "rustup's", matches: isCalledAs(/^rustup$/), hint: 'give what `rustup which {name}` prints' },
  {
    whose: "a version manager's",
    matches: isCalledAs(/^(mise|volta-shim|proto-shim)$/),
    hint: 'give the program itself, which `mise which {name}` or `volta which {name}` prints',
  },
  {
    whose: "a version manager's",
    // pyenv, rbenv and asdf put scripts there.
    matches: (_, real) => basename(dirname(real)) === 'shims',
    hint: 'give the program itself, which `pyenv which {name}`, `rbenv which` or `asdf which` prints, or put it first on PATH',
  },
  {
    whose: "snap's",
    matches: isCalledAs(/^snap$/),
    hint: 'a snap runs under snapd only: bundle the program of a package, or the directory /snap/{name}/current with --entrypoint',
  },
  {
    whose: "flatpak's",
    matches: (_, real) => real.includes('/flatpak/exports/bin/'),
    hint: 'it runs in its own runtime only: bundle the program of a package',
  },
];

/**
 * Refuses what only stands for a program: in a bundle it would look for that on a host that has none.
 * @throws {SaddlebagError} `program-shim`
 */
export function refuseStandIn(file: string, real: string): void {
  const found = standIns.find(({ matches }) => matches(file, real));
  if (found === undefined) return;
  const name = basename(file);
  throw new SaddlebagError(
    'program-shim',
    `cannot bundle ${file}: it is ${found.whose} stand-in for ${name}`,
    {
      hint: found.hint.replaceAll('{name}', name),
    },
  );
}
