import { type Command, Option } from 'commander';
import type { PublishFlags } from '../commands/publish/publish.ts';
import { collect, command, examples, type Host, type OutputFlags, outputOf } from './command.ts';
import { addStoreFlags } from './store-flags.ts';

/** Adds `saddlebag publish`. */
export function addPublish(program: Command, { invoke }: Host): void {
  const publish = command(
    program,
    'publish',
    'put a bundle or a static program where clients can fetch it, and print its artifact source',
  )
    .argument('<bundle>', 'a bundle, the JSON that `bundle --json` printed, or a program that is one file')
    .option('--to <place>', 's3://BUCKET/PREFIX, or a folder; repeatable (default: SADDLEBAG_STORE)', collect)
    .option(
      '--download-url <url>',
      'what clients fetch from, where it differs: stands for scheme, host and bucket',
    )
    .option('--name <name>', 'name of a program that is no bundle (default: that of its file)')
    .option('--app-version <version>', 'version of a program that is no bundle')
    .option('--timeout <duration>', 'give up when a server makes no progress for so long (default: 1m)')
    .option(
      '--label <name=value>',
      'kept with the release and as metadata of the object; repeatable',
      collect,
    )
    .option('--sign-key <file>', 'sign with a secret key of minisign; <file>.minisig goes beside the bundle')
    .option('--sign-password-file <file>', "of that key's password (default: SADDLEBAG_SIGN_PASSWORD)")
    .option('--presign <duration>', 'print a signed URL that works for so long, at most 7d')
    .option('--dry-run', 'say what would be sent where');
  publish
    .optionsGroup('The objects:')
    .addOption(new Option('--sse <kind>', 'encrypt at rest').choices(['AES256', 'aws:kms', 'aws:kms:dsse']))
    .option('--sse-kms-key-id <id>', 'key for --sse aws:kms')
    .option('--storage-class <class>', 'such as STANDARD_IA')
    .option(
      '--object-lock <mode:duration>',
      'let nobody remove or replace them: governance:30d, compliance:1w',
    );
  addStoreFlags(publish)
    .addHelpText(
      'after',
      examples(
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps',
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps --endpoint http://127.0.0.1:9000',
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps --label team=web --sse aws:kms',
        'saddlebag publish ./server --app-version 1.4.0 --to s3://bundles/apps',
        'saddlebag publish ./app-0.1.0-x86_64 --to ./www --download-url https://files.example.org',
      ),
    )
    .action((bundle: string, flags: PublishFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/publish/publish.ts')).runPublish({ bundle, flags }, context),
      }),
    );
}
