import type { Command } from 'commander';
import type { WatchFlags } from '../commands/nomad-session.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';

/** Adds `saddlebag watch`. */
export function addWatch(program: Command, { invoke, confirm }: Host): void {
  const watch = command(
    program,
    'watch',
    'watch the current version of a job until it is healthy, or has failed',
  ).argument('<job>', 'id of the job');
  addPlaceFlags(addWatchFlags(watch))
    .addHelpText(
      'after',
      examples('saddlebag watch web', 'saddlebag watch web --namespace apps --timeout 10m'),
    )
    .action((job: string, flags: WatchFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/watch.ts')).runWatch({ job, flags, confirm }, context),
      }),
    );
}

/** Adds the flags of every command that watches. */
export function addWatchFlags(command: Command): Command {
  return command
    .optionsGroup('The watch:')
    .option(
      '--timeout <duration>',
      'how long to wait (default: a minute longer than Nomad itself could take)',
    )
    .option('--queue', 'let allocations that nothing can take now wait for room')
    .option('--promote', 'promote canaries once all are healthy')
    .option('--no-fail-fast', 'let Nomad decide when a failing deployment has failed');
}

/** Adds the flags that say which Nomad is meant, and where in it. */
export function addPlaceFlags(command: Command): Command {
  return command
    .optionsGroup('Nomad:')
    .option('--address <url>', 'of the Nomad agent (default: NOMAD_ADDR, http://127.0.0.1:4646)')
    .option('--namespace <name>', 'of the job (default: NOMAD_NAMESPACE)')
    .option('--region <name>', 'of the job (default: NOMAD_REGION)');
}
