import type { Command } from 'commander';
import type { NomadFlags } from '../commands/nomad-session.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addPlaceFlags } from './watch.ts';

/** Adds `saddlebag history`. */
export function addHistory(program: Command, { invoke }: Host): void {
  const history = command(
    program,
    'history',
    'the versions of a job: what each ran, who deployed it, whether its bundle is still there',
  ).argument('<job>', 'id of the job');
  addPlaceFlags(history)
    .addHelpText('after', examples('saddlebag history web'))
    .action((job: string, flags: NomadFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/history.ts')).runHistory({ job, flags }, context),
      }),
    );
}
