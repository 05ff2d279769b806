import type { Command } from 'commander';
import type { DeployFlags } from '../commands/deploy.ts';
import { collect, command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
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
          (await import('../commands/deploy.ts')).runDeploy({ artifact, flags, readStdin, confirm }, context),
      }),
    );
}

/** The flags that say what the job is, by Nomad's names. */
function addJobFlags(deploy: Command): Command {
  return deploy
    .optionsGroup('The job:')
    .option('--job <id>', 'id of the job (default: name of the bundle)')
    .option('--group <name>', 'name of the group (default: the job)')
    .option('--task <name>', 'name of the task (default: the group); with --job-file which one, [GROUP/]TASK')
    .option('--type <type>', 'service, batch, system or sysbatch (default: service)')
    .option('--namespace <name>', 'of the job (default: NOMAD_NAMESPACE)')
    .option('--region <name>', 'of the job (default: NOMAD_REGION)')
    .option('--datacenter <name>', 'where it may run; repeatable (default: any)', collect)
    .option('--node-pool <name>', 'which nodes it may run on')
    .option('--priority <n>', 'from 1 to the highest that the servers allow')
    .option(
      '--count <n>',
      'how many allocations (default: as many as run now, or 1); with --job-file [GROUP=]N',
    )
    .option('--cron <schedule>', 'when a batch job runs, in UTC: "0 3 * * *"; repeatable', collect)
    .option('--arch <arch>', 'x86_64 or aarch64, where the artifact does not say')
    .optionsGroup('The task:')
    .option(
      '--port [label[:number]]',
      'a port, http unless named; the number of the first is in PORT, chosen by Nomad unless given; repeatable',
      collectPort,
    )
    .option('--check-path <path>', 'health check by HTTP (default: that the port opens)')
    .option('--cpu <mhz>', 'MHz (default: 100)')
    .option('--memory <mib>', 'MiB (default: 300)')
    .option('--memory-max <mib>', 'MiB that it may take where there is room')
    .option('--env <K=V>', 'set a variable; repeatable', collect)
    .option(
      '--secret <K=PATH:KEY>',
      "a variable whose value is in Nomad's variable PATH; repeatable",
      collect,
    )
    .option('--arg <argument>', 'pass an argument; repeatable', collect)
    .option('--program <name>', 'which program of the bundle runs (default: its first)')
    .option('--volume <name:/path[:ro]>', 'a host volume, and where the task sees it; repeatable', collect)
    .option(
      '--s3-variable [path]',
      'Nomad variable with S3 credentials for an s3:: source (default: nomad/jobs/JOB), from Nomad 1.11 on',
    )
    .option('--user <user>', "run as this user (default: the client's, nobody)")
    .option('--kill-signal <signal>', 'what ends it (default: SIGTERM)')
    .option('--kill-timeout <duration>', 'how long it may take to end (default: 10s)')
    .optionsGroup('The update:')
    .option('--max-parallel <n>', 'allocations replaced at once (default: 1)')
    .option('--canary <n>', 'how many of the new version run beside the old until promoted (default: 0)')
    .option('--auto-promote', 'promote canaries once all are healthy')
    .option('--min-healthy-time <duration>', 'how long one must be healthy to count (default: 5s)')
    .option('--healthy-deadline <duration>', 'until when one must be healthy (default: 5m)')
    .option('--progress-deadline <duration>', 'until when the next one must be healthy (default: 10m)')
    .option('--no-auto-revert', 'do not return to the last stable version when it fails');
}

/** A flag without a value gives `true`: a port that is called as ports mostly are. */
function collectPort(
  value: string | true,
  previous: readonly (string | true)[] = [],
): readonly (string | true)[] {
  return [...previous, value];
}
