import { type Command, Option } from 'commander';
import type { InspectFlags } from '../commands/inspect/inspect.ts';
import { command, examples, type Host, type OutputFlags, outputOf, parseCount } from './command.ts';

/** Adds `saddlebag inspect`. */
export function addInspect(program: Command, { invoke }: Host): void {
  command(program, 'inspect <bundle>', 'say what a bundle is and check every byte of it, or explain its size')
    .option('--tree', 'store paths by who refers to them, with their sizes')
    .addOption(
      new Option('--files [n]', 'the largest files (default: 20), and content that is there twice')
        .argParser(parseCount)
        .preset('20')
        .conflicts(['tree', 'why', 'html']),
    )
    .addOption(
      new Option(
        '--why <path>',
        'what pulls it in: a store path, a name, or the end of a file’s path',
      ).conflicts(['tree', 'html']),
    )
    .addOption(new Option('--html <file>', 'write a treemap of the sizes as a page').conflicts(['tree']))
    .option('-f, --force', 'replace the page that is there')
    .addHelpText(
      'after',
      examples(
        'saddlebag inspect ./app-0.1.0-x86_64',
        'saddlebag inspect --why openssl ./app-0.1.0-x86_64',
        'saddlebag inspect --html sizes.html ./app-0.1.0-x86_64',
        'saddlebag inspect --json ./app-0.1.0-x86_64 | jq .closureSha256',
      ),
    )
    .action((bundle: string, flags: InspectFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/inspect/inspect.ts')).runInspect({ bundle, flags }, context),
      }),
    );
}
