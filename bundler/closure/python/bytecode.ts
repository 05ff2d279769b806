import { join } from 'node:path';
import type { Workplace } from '../workplace.ts';
import { sourceDirectory } from './choose.ts';
import { installerEnvironment } from './environment.ts';
import type { Stage } from './stage.ts';

/**
 * Compiles all modules of a stage. The bytecode counts whatever the time of its source is: a bundle has no times, and a
 * read-only tree could not keep what Python compiles instead. Python puts the real paths in when it loads a module. A
 * file that does not compile is left, as an import of it would fail as well.
 * Source: PEP 552, unchecked hash-based pycs; compileall's documentation.
 */
export async function compileModules(stage: Stage, place: Workplace): Promise<void> {
  const { directory, python, modules } = stage;
  const trees = [
    join('interpreter', python.libraryPath),
    ...(stage.hasDependencies ? [join('dependencies', modules)] : []),
    join('app', modules),
    ...(stage.sources ? [join('app', sourceDirectory)] : []),
  ];
  // Relative paths, so that the bytecode holds none of this machine. One process: what several share between files
  // would depend on who was first. They gain nothing on two cores.
  const args = ['-m', 'compileall', '-qq', '--invalidation-mode', 'unchecked-hash'];
  const { signal } = place.context;
  await place.context.exec(python.executable, [...args, ...trees], {
    cwd: directory,
    env: { ...installerEnvironment(place), PYTHONDONTWRITEBYTECODE: undefined },
    signal,
  });
  signal.throwIfAborted();
}
