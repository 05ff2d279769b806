import type { Arch, Bind, Closure, ClosurePath, Entrypoint, EnvSetting } from '../../src/core/types.ts';
import type { LinkedLibraries } from './libraries.ts';

/** What a program needs of its start, besides its store paths. */
export interface Surroundings {
  readonly env: readonly EnvSetting[];
  readonly binds: readonly Bind[];
  /** Whether argv[0] must be the program's own path: it looks there for its files, or for what it should do. */
  readonly ownName: boolean;
  /** Programs of this machine that it starts by these paths. */
  readonly helpers: readonly string[];
}

/** What most programs need: nothing. */
export const noSurroundings: Surroundings = { env: [], binds: [], ownName: false, helpers: [] };

/** Returns the surroundings out of something larger. */
export function surroundingsOf({ env, binds, ownName, helpers }: Surroundings): Surroundings {
  return { env, binds, ownName, helpers };
}

/** What reading one source gives: all of a Closure but its name and the settings of the request. */
export interface ProgramClosure extends Surroundings {
  /** Absolute, below the last of `paths`. */
  readonly program: string;
  readonly arch: Arch;
  /** As in `Entrypoint`. */
  readonly interpreter: string | null;
  readonly ownLoader: boolean;
  /** Dependencies before dependents, the program's own path last. */
  readonly paths: readonly ClosurePath[];
  /** Its libraries, which may serve other programs of the bundle; null or absent where there are none. */
  readonly linked?: LinkedLibraries | null;
}

/** What a source may say of the whole beyond its program; most say nothing. */
export type SourceSettings = Pick<Entrypoint, 'args' | 'defaultArgs' | 'workingDirectory'> &
  Pick<Closure, 'programs' | 'root' | 'imageSettings'>;

/** What a source says that leaves the start to the user. */
export const noSourceSettings: SourceSettings = {
  args: [],
  defaultArgs: [],
  workingDirectory: null,
  programs: [],
  root: null,
  imageSettings: null,
};

/** What reading any source gives. */
export type SourceClosure = ProgramClosure & SourceSettings;
