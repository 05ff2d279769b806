import type { Command } from 'commander';
import { collect } from './command.ts';

/** The flags that say what the job is, by Nomad's names. */
export function addJobFlags(deploy: Command): Command {
  return deploy
    .optionsGroup('The job:')
    .option('--job <id>', 'id of the job (default: name of the bundle)')
    .option('--group <name>', 'name of the group (default: the job)')
    .option('--task <name>', 'name of the task (default: the group); with --job-file which one, [GROUP/]TASK')
    .option('--type <type>', 'service, batch, system or sysbatch (default: service; with --cron batch)')
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
      '--not-secret <name>',
      'let --env set a variable that is called like a secret; repeatable',
      collect,
    )
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
    .option(
      '--min-healthy-time <duration>',
      'how long one must be healthy to count (default: 500ms with --check-path, else 5s)',
    )
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
