import type { Command } from 'commander';
import type { ProjectFlags } from '../commands/config.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';

/** Adds `saddlebag config`. */
export function addConfig(program: Command, { invoke }: Host): void {
  addProjectFlags(
    command(
      program,
      'config',
      "print what the project's saddlebag.hcl says, and where each value comes from",
    ),
  )
    .argument('[app]', 'one app of the file (default: all)')
    .addHelpText('after', examples('saddlebag config', 'saddlebag config web -e prod --json'))
    .action((app: string | undefined, flags: ProjectFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/config.ts')).runConfig({ app, flags }, context),
      }),
    );
}

/** Adds the flags that say which saddlebag.hcl, and what of it. */
export function addProjectFlags(command: Command): Command {
  return command
    .option('-e, --environment <name>', 'an environment of the file (default: SADDLEBAG_ENVIRONMENT, none)')
    .option('--config <file>', 'the file (default: saddlebag.hcl here or above, up to the repository root)');
}
