import type { Command } from 'commander';
import type { StatusFlags } from '../commands/status.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addPlaceFlags } from './watch.ts';

/** Adds `saddlebag status`. */
export function addStatus(program: Command, { invoke }: Host): void {
  const status = command(program, 'status', 'how a job is, or which jobs run what Saddlebag published')
    .argument('[job]', 'id of the job; without one, all are listed')
    .option('--all', 'list every job, whatever it runs');
  addPlaceFlags(status)
    .addHelpText('after', examples('saddlebag status', 'saddlebag status web --json'))
    .action((job: string | undefined, flags: StatusFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/status.ts')).runStatus({ job, flags }, context),
      }),
    );
}
