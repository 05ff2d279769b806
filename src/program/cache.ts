import type { Command } from 'commander';
import type { CacheFlags } from '../commands/cache.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';

const environment = `
It lies in SADDLEBAG_BUILD_CACHE, else in saddlebag/frames below XDG_CACHE_HOME or ~/.cache, and holds at most
SADDLEBAG_BUILD_CACHE_SIZE (500M, 20G; 5G unless set): what was not used for longest goes first.
`;

/** Adds `saddlebag cache`. */
export function addCache(program: Command, { invoke }: Host): void {
  command(program, 'cache', 'say what `bundle` and `publish` keep to be quicker the next time, or remove it')
    .option('--clear', 'remove all of it')
    .addHelpText('after', environment)
    .addHelpText('after', examples('saddlebag cache', 'saddlebag cache --clear'))
    .action((flags: CacheFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/cache.ts')).runCache({ flags }, context),
      }),
    );
}
