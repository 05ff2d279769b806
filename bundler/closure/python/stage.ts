import type { Command } from './commands.ts';
import type { PythonInterpreter } from './interpreter.ts';

/** The trees from which store paths are made: `interpreter`, `dependencies` and `app` below `directory`. */
export interface Stage {
  /** A real path. */
  readonly directory: string;
  readonly python: PythonInterpreter;
  /** Directory of modules in the last two, relative: `lib/python3.11/site-packages`. */
  readonly modules: string;
  readonly hasDependencies: boolean;
  /** Whether the app's tree has the project's files as they are. */
  readonly sources: boolean;
  /** All that are to stand in the app's `bin`. */
  readonly commands: ReadonlyMap<string, Command>;
}
