import type { Command } from 'commander';
import type { ReleasesFlags } from '../commands/releases.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addStoreFlags } from './store-flags.ts';

/** Adds `saddlebag releases`. */
export function addReleases(program: Command, { invoke }: Host): void {
  const releases = command(program, 'releases', 'list what was published of a name, the last first')
    .argument('<name>', 'of the bundle')
    .option(
      '--from <place>',
      's3://BUCKET/PREFIX, a folder, or the URL of a web server (default: SADDLEBAG_STORE)',
    );
  addStoreFlags(releases)
    .addHelpText(
      'after',
      examples(
        'saddlebag releases web --from s3://bundles/apps',
        'saddlebag releases web --from https://files.example.org --json',
      ),
    )
    .action((name: string, flags: ReleasesFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/releases.ts')).runReleases({ name, flags }, context),
      }),
    );
}
