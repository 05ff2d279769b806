import type { Command } from 'commander';
import type { StopFlags } from '../commands/stop.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addPlaceFlags } from './watch.ts';

/** Adds `saddlebag stop`. */
export function addStop(program: Command, { invoke }: Host): void {
  const stop = command(program, 'stop', 'stop a job and wait until its tasks have ended')
    .argument('<job>', 'id of the job')
    .option('--purge', 'have Nomad forget the job, its versions and its allocations')
    .option('--detach', 'do not wait')
    .option('--timeout <duration>', 'how long to wait (default: 5m)');
  addPlaceFlags(stop)
    .addHelpText('after', examples('saddlebag stop web', 'saddlebag stop web --purge'))
    .action((job: string, flags: StopFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/stop.ts')).runStop({ job, flags }, context),
      }),
    );
}
