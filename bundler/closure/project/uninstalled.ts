import type { Workplace } from '../workplace.ts';
import { findProjects, lacksModules } from './kinds.ts';

/**
 * Warns of a project that is read as a plain directory while what it depends on is not in it.
 */
export async function reportUninstalled(directory: string, { context }: Workplace): Promise<void> {
  for (const kind of await findProjects(directory)) {
    if (kind === 'node' && !(await lacksModules(directory))) continue;
    context.reporter.report({
      kind: 'warning',
      stage: 'closure',
      code: 'project-not-installed',
      message: `${directory} is a ${kind === 'python' ? 'Python' : 'Node'} project, read as a plain directory: what it depends on is not installed`,
      hint: `--${kind} reads it as a project; dir: in front says that it is complete as it is`,
    });
  }
}
