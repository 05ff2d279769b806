import type { Command } from 'commander';
import type { LogsFlags } from '../commands/logs.ts';
import { command, examples, type Host, type OutputFlags, outputOf, parseCount } from './command.ts';
import { addPlaceFlags } from './watch.ts';

/** Adds `saddlebag logs`. */
export function addLogs(program: Command, { invoke, write }: Host): void {
  const logs = command(program, 'logs', "a task's output")
    .argument('<job>', 'id of the job')
    .option('-f, --follow', 'go on with what it writes, until it ends or Ctrl-C')
    .option('-n, --lines <n>', 'how many of the last lines (default: 100)', parseCount)
    .option('--stderr', 'its stderr, not its stdout')
    .option('--task <name>', 'which task (default: the only one)')
    .option('--alloc <id>', 'which allocation, by the start of its id (default: the newest that runs)');
  addPlaceFlags(logs)
    .addHelpText('after', examples('saddlebag logs web --stderr', 'saddlebag logs -f web -n 10'))
    .action((job: string, flags: LogsFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/logs.ts')).runLogs({ job, flags, write }, context),
      }),
    );
}
