import type { Command } from 'commander';
import type { DeployFlags } from '../commands/deploy/deploy-flags.ts';
import { collect, command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addJobFlags } from './job-flags.ts';
import { addWatchFlags } from './watch.ts';

/** Adds `saddlebag deploy`. */
export function addDeploy(program: Command, { invoke, readStdin, confirm }: Host): void {
  const deploy = command(
    program,
    'deploy',
    'write the Nomad job of an artifact, submit it and watch it until it is healthy',
  ).argument(
    '[artifact]',
    'NAME[@VERSION] of the releases in --from; or what `publish` printed: the source, a file with the JSON, - for stdin',
  );
  deploy
    .optionsGroup('What to do:')
    .option('--dry-run', 'print the job and ask no server')
    .option('--plan', 'show what would change, and change nothing')
    .option('--print-acl', 'print the ACL policy that the token needs, and do nothing else')
    .option('--exit-code', 'with --plan: exit 11 when the job would change')
    .option('--only-artifact', 'refuse to change more than sources and checksums of artifacts')
    .option('--detach', 'submit and do not wait')
    .option('--force', 'start a version anew that failed before, though some of the job runs');
  addWatchFlags(deploy).option(
    '--address <url>',
    'of the Nomad agent (default: NOMAD_ADDR, http://127.0.0.1:4646)',
  );
  deploy
    .optionsGroup('The release:')
    .option('--from <place>', 'where NAME[@VERSION] was published (default: SADDLEBAG_STORE)')
    .option(
      '--public-key <key>',
      'refuse what is not signed with this key of minisign, or its file (default: SADDLEBAG_PUBLIC_KEY)',
    )
    .option('--endpoint <url>', 'S3 server of --from other than AWS (default: AWS_ENDPOINT_URL_S3)');
  deploy
    .optionsGroup('Your own job file:')
    .option(
      '--job-file <file>',
      'HCL or JSON; takes the artifact by its variables artifact_source and artifact_checksum, or in the task of --task',
    )
    .option('--artifact <task=artifact>', 'an artifact for one of several tasks; repeatable', collect)
    .option('--var <name=value>', 'a variable of the job file; repeatable', collect)
    .option('--var-file <file>', 'variables of the job file; repeatable', collect);
  addJobFlags(deploy)
    .addHelpText(
      'after',
      examples(
        'saddlebag deploy artifact.json --port http --check-path /health',
        'saddlebag deploy web@1.4 --from s3://bundles/apps --port http',
        'saddlebag deploy artifact.json --port http:8080 --count 3 --memory 256 --dry-run',
        'saddlebag deploy artifact.json --job-file web.nomad.hcl --var tag=7 --plan',
        'saddlebag publish ./app --to s3://bundles --json | saddlebag deploy - --port http --plan',
      ),
    )
    .action((artifact: string | undefined, flags: DeployFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/deploy/deploy.ts')).runDeploy(
            { artifact, flags, readStdin, confirm },
            context,
          ),
      }),
    );
}
