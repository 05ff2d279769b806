import { type Command, InvalidArgumentError } from 'commander';
import type { RollbackFlags } from '../commands/rollback.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addPlaceFlags, addWatchFlags } from './watch.ts';

/** Adds `saddlebag rollback`. */
export function addRollback(program: Command, { invoke, confirm }: Host): void {
  const rollback = command(program, 'rollback', 'go back to an older version of a job, and watch it')
    .argument('<job>', 'id of the job')
    .argument('[version]', 'its number (default: the last healthy one that is not the same)', parseVersion)
    .option('--detach', 'do not wait');
  addPlaceFlags(addWatchFlags(rollback))
    .addHelpText('after', examples('saddlebag rollback web', 'saddlebag rollback web 7'))
    .action((job: string, version: number | undefined, flags: RollbackFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/rollback.ts')).runRollback({ job, version, flags, confirm }, context),
      }),
    );
}

function parseVersion(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('expected the number of a version.');
  return Number(value);
}
