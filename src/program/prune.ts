import type { Command } from 'commander';
import type { PruneFlags } from '../commands/prune.ts';
import { command, examples, type Host, type OutputFlags, outputOf, parseCount } from './command.ts';
import { addStoreFlags } from './store-flags.ts';

/** Adds `saddlebag prune`. */
export function addPrune(program: Command, { invoke }: Host): void {
  const prune = command(program, 'prune', 'remove old releases of a name that no Nomad job names any more')
    .argument('<name>', 'of the bundle')
    .requiredOption('--keep <n>', 'how many of each processor stay, the last ones', parseCount)
    .option('--older-than <duration>', 'remove only what was published so long ago: 30d')
    .option('--from <place>', 's3://BUCKET/PREFIX, or a folder (default: SADDLEBAG_STORE)')
    .option('--delete', 'do it; without it nothing is removed')
    .option('--address <url>', 'of the Nomad agent that is asked what its jobs name (default: NOMAD_ADDR)')
    .option('--no-nomad', 'do not ask Nomad');
  addStoreFlags(prune)
    .addHelpText(
      'after',
      examples(
        'saddlebag prune web --keep 10 --older-than 30d --from s3://bundles/apps',
        'saddlebag prune web --keep 10 --from s3://bundles/apps --delete',
      ),
    )
    .action((name: string, flags: PruneFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/prune.ts')).runPrune({ name, flags }, context),
      }),
    );
}
