import { ShellCompDirective } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BundleFlags } from './commands/bundle.ts';
import type { DeployFlags } from './commands/deploy.ts';
import type { PublishFlags } from './commands/publish.ts';
import type { CommandResult } from './commands/result.ts';
import type { ServeFlags } from './commands/serve.ts';
import { toolVersion } from './commands/version.ts';
import type { Context } from './core/context.ts';

/** A command that the user asked for, ready to run. */
export interface Invocation {
  readonly json: boolean;
  readonly quiet: boolean;
  run(context: Context): Promise<CommandResult>;
}

/** Starts a command, and reads what a command takes on stdin; given by `src/main.ts`. */
export interface Host {
  readonly invoke: (invocation: Invocation) => Promise<void>;
  readonly readStdin: () => Promise<string>;
}

interface OutputFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/**
 * Builds the tree of commands: names, flags, help and examples. Each command is imported when it runs, so that help is
 * quick.
 */
export function createProgram(host: Host): Command {
  const program = new Command('saddlebag')
    .description('One executable file from an app and everything it needs; publish it, deploy it on Nomad.')
    .version(toolVersion)
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'saddlebag: ')) })
    .addHelpText(
      'after',
      examples(
        'saddlebag bundle ./result                      a Nix build',
        'saddlebag bundle ./server.js                   a script, with the interpreter that runs it',
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps',
        'saddlebag deploy $(saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps) --port http',
      ),
    );
  const commands = [addBundle, addPublish, addDeploy, addInspect, addServe];
  for (const add of commands) add(program, host);
  addCompletion(program);
  return program;
}

function addCompletion(program: Command): void {
  const completion = tab(program, { completionCommandName: 'completion' });
  program.commands
    .find((command) => command.name() === 'completion')
    ?.description('print a script that completes commands and flags in your shell')
    .addHelpText('after', examples('source <(saddlebag completion bash)'));
  // The library tells the shell not to complete file names, which most of our arguments are.
  Object.defineProperty(completion, 'directive', {
    get: () => ShellCompDirective.ShellCompDirectiveDefault,
    set: () => undefined,
  });
}

function addBundle(program: Command, { invoke }: Host): void {
  command(program, 'bundle', 'pack an app and everything it needs into one executable file')
    .argument(
      '<app>',
      'a Nix build (result, result/bin/app), a program of this machine, or a directory; nix:, program: or dir: in front forces the reading',
    )
    .option('-o, --output <file>', 'where to write it (default: <name>-<version>-<arch>)')
    .option('-f, --force', 'replace a file that is there')
    .option('--entrypoint <path>', 'program inside the store path or directory')
    .option('--name <name>', "name of the app (default: from the store path or the file's name)")
    .option('--app-version <version>', 'version of the app (default: from the store path)')
    .option('--env <K=V>', 'set a variable where the environment has none; repeatable', collectEnv)
    .option('--arg <argument>', 'put before the arguments of the user; repeatable', collect)
    .addOption(
      new Option('--compress <level>', 'how hard to compress')
        .choices(['fast', 'balanced', 'small'])
        .default('balanced'),
    )
    .option('--jobs <n>', 'frames compressed at once (default: the number of processors)', parseCount)
    .addHelpText(
      'after',
      examples(
        'saddlebag bundle ./result',
        'saddlebag bundle result/bin/app --env PORT=8080',
        'saddlebag bundle program:git -o git',
        'saddlebag bundle ./dist --entrypoint bin/server --name web --app-version 1.4.0',
      ),
    )
    .action((app: string, flags: BundleFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('./commands/bundle.ts')).runBundle({ app, flags }, context),
      }),
    );
}

function addPublish(program: Command, { invoke }: Host): void {
  command(program, 'publish', 'put a bundle where clients can fetch it, and print its artifact source')
    .argument('<bundle>', 'a bundle, or the JSON that `bundle --json` printed')
    .requiredOption('--to <place>', 's3://BUCKET/PREFIX, or a folder')
    .option('--endpoint <url>', 'S3 server other than AWS, such as MinIO (default: AWS_ENDPOINT_URL_S3)')
    .option('--region <region>', 'region of the bucket (default: AWS_REGION, the profile)')
    .option('--path-style', 'put the bucket into the path, as most servers other than AWS need')
    .option('--no-path-style', 'put the bucket into the host name')
    .option(
      '--download-url <url>',
      'what clients fetch from, where it differs: stands for scheme, host and bucket',
    )
    .option('--dry-run', 'say what would be sent where')
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
          (await import('./commands/publish.ts')).runPublish({ bundle, flags }, context),
      }),
    );
}

function addDeploy(program: Command, { invoke, readStdin }: Host): void {
  const deploy = command(
    program,
    'deploy',
    'write the Nomad job of an artifact, submit it and watch it until it is healthy',
  ).argument('<artifact>', 'what `publish` printed: the source, a file with the JSON, or - for stdin');
  deploy
    .optionsGroup('What to do:')
    .option('--dry-run', 'print the job and ask no server')
    .option('--plan', 'show what would change, and change nothing')
    .option('--detach', 'submit and do not wait')
    .option(
      '--timeout <duration>',
      'how long to wait (default: a minute longer than Nomad itself could take)',
    )
    .option('--queue', 'let allocations that nothing can take now wait for room')
    .option('--no-fail-fast', 'let Nomad decide when a failing deployment has failed')
    .option('--address <url>', 'of the Nomad agent (default: NOMAD_ADDR, http://127.0.0.1:4646)');
  addJobFlags(deploy)
    .addHelpText(
      'after',
      examples(
        'saddlebag deploy artifact.json --port http --check-path /health',
        'saddlebag deploy artifact.json --port http:8080 --count 3 --memory 256 --dry-run',
        'saddlebag publish ./app --to s3://bundles --json | saddlebag deploy - --port http --plan',
      ),
    )
    .action((artifact: string, flags: DeployFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('./commands/deploy.ts')).runDeploy({ artifact, flags, readStdin }, context),
      }),
    );
}

/** The flags that say what the job is, by Nomad's names. */
function addJobFlags(deploy: Command): Command {
  return deploy
    .optionsGroup('The job:')
    .option('--job <id>', 'id of the job (default: name of the bundle)')
    .option('--group <name>', 'name of the group (default: the job)')
    .option('--task <name>', 'name of the task (default: the group)')
    .option('--type <type>', 'service or batch (default: service)')
    .option('--namespace <name>', 'of the job (default: NOMAD_NAMESPACE)')
    .option('--region <name>', 'of the job (default: NOMAD_REGION)')
    .option('--datacenter <name>', 'where it may run; repeatable (default: any)', collect)
    .option('--node-pool <name>', 'which nodes it may run on')
    .option('--priority <n>', 'from 1 to the highest that the servers allow')
    .option('--count <n>', 'how many allocations (default: as many as run now, or 1)')
    .option('--arch <arch>', 'x86_64 or aarch64, where the artifact does not say')
    .optionsGroup('The task:')
    .option(
      '--port [label[:number]]',
      'a port, http unless named; its number is in PORT, chosen by Nomad unless given',
    )
    .option('--check-path <path>', 'health check by HTTP (default: that the port opens)')
    .option('--cpu <mhz>', 'MHz (default: 100)')
    .option('--memory <mib>', 'MiB (default: 300)')
    .option('--memory-max <mib>', 'MiB that it may take where there is room')
    .option('--env <K=V>', 'set a variable; repeatable', collect)
    .option('--arg <argument>', 'pass an argument; repeatable', collect)
    .option('--user <user>', "run as this user (default: the client's, nobody)")
    .option('--kill-signal <signal>', 'what ends it (default: SIGTERM)')
    .option('--kill-timeout <duration>', 'how long it may take to end (default: 10s)')
    .optionsGroup('The update:')
    .option('--max-parallel <n>', 'allocations replaced at once (default: 1)')
    .option('--min-healthy-time <duration>', 'how long one must be healthy to count (default: 5s)')
    .option('--healthy-deadline <duration>', 'until when one must be healthy (default: 5m)')
    .option('--progress-deadline <duration>', 'until when the next one must be healthy (default: 10m)')
    .option('--no-auto-revert', 'do not return to the last stable version when it fails');
}

function addServe(program: Command, { invoke }: Host): void {
  command(program, 'serve', 'serve a folder of bundles over HTTP, on loopback unless told otherwise')
    .argument('<folder>', 'what `publish --to` was given')
    .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:8000)')
    .addHelpText('after', examples('saddlebag serve ./www', 'saddlebag serve ./www --listen 0.0.0.0:8000'))
    .action((folder: string, flags: ServeFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('./commands/serve.ts')).runServe({ folder, flags }, context),
      }),
    );
}

function addInspect(program: Command, { invoke }: Host): void {
  command(program, 'inspect <bundle>', 'say what a bundle is and check every byte of it')
    .addHelpText(
      'after',
      examples(
        'saddlebag inspect ./app-0.1.0-x86_64',
        'saddlebag inspect --json ./app-0.1.0-x86_64 | jq .closureSha256',
      ),
    )
    .action((bundle: string, flags: OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('./commands/inspect.ts')).runInspect({ bundle }, context),
      }),
    );
}

function command(program: Command, nameAndArguments: string, summary: string): Command {
  return program
    .command(nameAndArguments)
    .description(summary)
    .option('--json', 'print the result as one JSON object, events as lines of JSON on stderr')
    .option('-q, --quiet', 'print nothing but the result and errors');
}

function outputOf(flags: OutputFlags): Pick<Invocation, 'json' | 'quiet'> {
  return { json: flags.json === true, quiet: flags.quiet === true };
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function collectEnv(
  value: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(value);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new InvalidArgumentError('expected NAME=VALUE, for example PORT=8080.');
  }
  return { ...previous, [match[1]]: match[2] };
}

function parseCount(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('expected a whole number from 1.');
  return Number(value);
}
