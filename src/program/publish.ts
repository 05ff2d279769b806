import type { Command } from 'commander';
import type { PublishFlags } from '../commands/publish.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addStoreFlags } from './store-flags.ts';

/** Adds `saddlebag publish`. */
export function addPublish(program: Command, { invoke }: Host): void {
  const publish = command(
    program,
    'publish',
    'put a bundle where clients can fetch it, and print its artifact source',
  )
    .argument('<bundle>', 'a bundle, or the JSON that `bundle --json` printed')
    .option('--to <place>', 's3://BUCKET/PREFIX, or a folder (default: SADDLEBAG_STORE)')
    .option(
      '--download-url <url>',
      'what clients fetch from, where it differs: stands for scheme, host and bucket',
    )
    .option('--timeout <duration>', 'give up when a server makes no progress for so long (default: 1m)')
    .option('--dry-run', 'say what would be sent where');
  addStoreFlags(publish)
    .addHelpText(
      'after',
      examples(
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps',
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps --endpoint http://127.0.0.1:9000',
        'saddlebag publish ./app-0.1.0-x86_64 --to ./www --download-url https://files.example.org',
      ),
    )
    .action((bundle: string, flags: PublishFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/publish.ts')).runPublish({ bundle, flags }, context),
      }),
    );
}
