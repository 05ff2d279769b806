import { Command, InvalidArgumentError, Option } from 'commander';
import type { BundleFlags } from './commands/bundle.ts';
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

/** Starts a command; given by `src/main.ts`. */
export type Invoke = (invocation: Invocation) => Promise<void>;

interface OutputFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/**
 * Builds the tree of commands: names, flags, help and examples. Each command is imported when it runs, so that help is
 * quick.
 */
export function createProgram(invoke: Invoke): Command {
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
  const commands = [addBundle, addPublish, addInspect, addServe];
  for (const add of commands) add(program, invoke);
  return program;
}

function addBundle(program: Command, invoke: Invoke): void {
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

function addPublish(program: Command, invoke: Invoke): void {
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

function addServe(program: Command, invoke: Invoke): void {
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

function addInspect(program: Command, invoke: Invoke): void {
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
