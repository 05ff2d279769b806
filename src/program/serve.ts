import type { Command } from 'commander';
import type { ServeFlags } from '../commands/serve.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';

/** Adds `saddlebag serve`. */
export function addServe(program: Command, { invoke }: Host): void {
  command(program, 'serve', 'serve a folder of bundles over HTTP, on loopback unless told otherwise')
    .argument('<folder>', 'what `publish --to` was given')
    .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:8000)')
    .addHelpText('after', examples('saddlebag serve ./www', 'saddlebag serve ./www --listen 0.0.0.0:8000'))
    .action((folder: string, flags: ServeFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/serve.ts')).runServe({ folder, flags }, context),
      }),
    );
}
