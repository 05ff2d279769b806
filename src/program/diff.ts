import type { Command } from 'commander';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';

/** Adds `saddlebag diff`. */
export function addDiff(program: Command, { invoke }: Host): void {
  command(
    program,
    'diff <old> <new>',
    'say what changed from one bundle to another, and how much of it is new',
  )
    .addHelpText('after', examples('saddlebag diff ./app-0.1.0-x86_64 ./app-0.2.0-x86_64'))
    .action((from: string, to: string, flags: OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/diff.ts')).runDiff({ from, to }, context),
      }),
    );
}
