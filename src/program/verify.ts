import type { Command } from 'commander';
import type { VerifyFlags } from '../commands/verify.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addStoreFlags } from './store-flags.ts';

/** Adds `saddlebag verify`. */
export function addVerify(program: Command, { invoke, readStdin }: Host): void {
  const verify = command(program, 'verify', 'read what was published back, and check every byte')
    .argument('<artifact>', 'NAME[@VERSION] of the releases in --from; or what `publish` printed')
    .option('--from <place>', 'where NAME[@VERSION] was published (default: SADDLEBAG_STORE)')
    .option('--public-key <key>', 'check its signature too: a key of minisign, or its file')
    .option('--arch <arch>', 'x86_64 or aarch64, where the release is there for both');
  addStoreFlags(verify)
    .addHelpText(
      'after',
      examples(
        'saddlebag verify web@1.4 --from s3://bundles/apps',
        'saddlebag verify "$(saddlebag publish ./app --to s3://bundles/apps)"',
      ),
    )
    .action((artifact: string, flags: VerifyFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/verify.ts')).runVerify({ artifact, flags, readStdin }, context),
      }),
    );
}
