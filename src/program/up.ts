import type { Command } from 'commander';
import type { UpFlags } from '../commands/up/up.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addProjectFlags } from './config.ts';

/** Adds `saddlebag up`. */
export function addUp(program: Command, { invoke, confirm }: Host): void {
  const up = command(
    program,
    'up',
    "bundle, publish and deploy what the project's saddlebag.hcl says",
  ).argument('[app...]', 'apps of the file, in this order (default: all)');
  addProjectFlags(up)
    .option('--dry-run', 'bundle, publish nothing, print the jobs and ask no Nomad')
    .option('--plan', 'bundle, publish nothing, and show what would change')
    .option('--detach', 'submit and do not wait')
    .option('--timeout <duration>', 'how long to wait for each app (default: as `deploy`)')
    .option('--promote', 'promote canaries once all are healthy')
    .option('--refresh', 'publish and deploy what was bundled now even where the closure is the same')
    .option('--out <directory>', 'keep the bundles there (default: nowhere once they are published)')
    .option('-y, --yes', 'do not ask where an environment says confirm = true')
    .addHelpText(
      'after',
      examples('saddlebag up', 'saddlebag up -e prod --plan', 'saddlebag up web worker -e prod --yes --json'),
    )
    .action((apps: readonly string[], flags: UpFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/up/up.ts')).runUp({ apps, flags, confirm }, context),
      }),
    );
}
