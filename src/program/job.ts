import type { Command } from 'commander';
import type { JobInitFlags } from '../commands/job-init.ts';
import { command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addJobFlags } from './job-flags.ts';

/** Adds `saddlebag job`, with what is done to job files. */
export function addJob(program: Command, { invoke, readStdin }: Host): void {
  const job = program.command('job').description('write a job file of your own, for `deploy --job-file`');
  const init = command(
    job,
    'init',
    'print a job file with comments, to edit and keep: what `deploy` would submit',
  ).argument('[artifact]', 'as `deploy` takes it; nothing of the release itself goes into the file');
  init
    .option('-o, --output <file>', 'write it there')
    .option('-f, --force', 'replace the file that is there')
    .optionsGroup('The release:')
    .option('--from <place>', 'where NAME[@VERSION] was published (default: SADDLEBAG_STORE)')
    .option('--endpoint <url>', 'S3 server of --from other than AWS (default: AWS_ENDPOINT_URL_S3)');
  addJobFlags(init)
    .addHelpText(
      'after',
      examples(
        'saddlebag job init artifact.json --port http --check-path /health -o web.nomad.hcl',
        'saddlebag deploy artifact.json --job-file web.nomad.hcl',
      ),
    )
    .action((artifact: string | undefined, flags: JobInitFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/job-init.ts')).runJobInit({ artifact, flags, readStdin }, context),
      }),
    );
}
