import type { Command } from 'commander';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';

/** Adds `saddlebag init`. */
export function addInit(program: Command, { invoke }: Host): void {
  command(program, 'init', 'write a first saddlebag.hcl for the project in this directory')
    .argument('[app]', 'what to bundle, as `bundle` takes it (default: what the directory seems to be)')
    .addHelpText('after', examples('saddlebag init', 'saddlebag init ./server.js', 'saddlebag init .#web'))
    .action((app: string | undefined, flags: OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/init/init.ts')).runInit({ app }, context),
      }),
    );
}
