import type { Command } from 'commander';
import type { WatchFlags } from '../commands/nomad-session.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addPlaceFlags } from './watch.ts';

/** Adds `saddlebag promote`. */
export function addPromote(program: Command, { invoke }: Host): void {
  const promote = command(
    program,
    'promote',
    "promote a job's canaries once they are healthy, and watch the rest of the deployment",
  ).argument('<job>', 'id of the job');
  addPlaceFlags(promote)
    .option('--timeout <duration>', 'how long to wait')
    .addHelpText('after', examples('saddlebag promote web'))
    .action((job: string, flags: WatchFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/promote.ts')).runPromote({ job, flags }, context),
      }),
    );
}
