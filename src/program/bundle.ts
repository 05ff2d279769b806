import { type Command, Option } from 'commander';
import type { BundleFlags } from '../commands/bundle.ts';
import {
  behindDashes,
  collect,
  collectBind,
  collectEnv,
  command,
  examples,
  type Host,
  type OutputFlags,
  outputOf,
  parseCount,
  parseFile,
  parsePath,
} from './command.ts';

/** Adds `saddlebag bundle`. */
export function addBundle(program: Command, { argv, invoke }: Host): void {
  const bundle = command(program, 'bundle', 'pack an app and everything it needs into one executable file')
    .argument(
      '[app]',
      'a Nix build (result, result/bin/app) or what Nix can build (.#app, default.nix), a program of this machine, a Python or Node project, a wheel, a directory, or an OCI image; nix:, program:, dir: or image: in front forces the reading',
    )
    .argument('[command...]', 'behind --, with --trace or --check: what to run');
  for (const add of [addReadingFlags, addNixFlags, addContentFlags, addStartFlags, addOutputFlags])
    add(bundle);
  bundle
    .addHelpText(
      'after',
      examples(
        'saddlebag bundle ./result',
        'saddlebag bundle result/bin/app --env PORT=8080',
        'saddlebag bundle .#app                             a flake; -f release.nix -A app without flakes',
        'saddlebag bundle nixpkgs#postgresql --entrypoint postgres --all-programs',
        'saddlebag bundle program:git -o git',
        'saddlebag bundle program:git --trace -- git clone https://git.example.org/a.git /tmp/a',
        'saddlebag bundle ./app --python --check -- python3 -c "import flask"',
        'docker save web:1.4 > web.tar && saddlebag bundle web.tar',
        'saddlebag bundle ./app --python=3.12               a directory with pyproject.toml or requirements.txt',
        'saddlebag bundle ./app --entrypoint gunicorn --arg app:app',
        'saddlebag bundle ./dist --entrypoint bin/server --name web --app-version 1.4.0',
      ),
    )
    .action((first: string | undefined, others: readonly string[], flags: BundleFlags & OutputFlags) => {
      const behind = behindDashes(argv);
      const given = first === undefined ? [] : [first, ...others];
      const [app, ...surplus] = given.slice(0, given.length - behind.length);
      if (surplus.length > 0) {
        bundle.error(
          `error: what is "${surplus[0]}" for? One app makes a bundle.\n  hint: --include brings another program along, and puts it on the app's PATH`,
        );
      }
      return invoke({
        ...outputOf(flags),
        run: async (context) =>
          (await import('../commands/bundle.ts')).runBundle(
            { ...(app === undefined ? {} : { app }), command: behind, flags },
            context,
          ),
      });
    });
}

/** The flags that say how `<app>` is read. */
function addReadingFlags(bundle: Command): void {
  bundle
    .optionsGroup('What it is:')
    .option('--entrypoint <path>', 'program inside the store path, directory or project')
    .option('--python [python]', 'read it as a Python project; by another Python with =PATH or =3.12')
    .option('--node [node]', 'read it as a Node project; by another Node with =PATH')
    .option('--name <name>', "name of the app (default: from the store path or the file's name)")
    .option('--app-version <version>', 'version of the app (default: from the store path)');
}

/** The flags that say what Nix is to build. */
function addNixFlags(bundle: Command): void {
  bundle
    .optionsGroup('What Nix builds:')
    .option('-f, --file <file>', 'Nix file to build the app from (default with -A: ./default.nix)')
    .option('-A, --attr <attribute>', 'what to build of a Nix file or --expr')
    .option('--expr <expression>', 'Nix expression to build the app from')
    .option(
      '--store-paths <file>',
      'read the closure from what exportReferencesGraph wrote: inside a Nix build',
    );
}

/** The flags that say what comes along. */
function addContentFlags(bundle: Command): void {
  bundle
    .optionsGroup('What comes along:')
    .option(
      '--include <path>',
      'bring a program with its closure and put it on PATH, a file or directory for its own path, or a library; repeatable',
      collect,
    )
    .option(
      '--trace',
      'run the command behind -- under strace, and bring what the app and its children open and start',
    )
    .option(
      '--with <data>',
      'bring data that programs name: ca-certificates, locales, nss, services, shell, terminfo, tzdata; with commas between',
      collect,
    )
    .option('--without <data>', 'leave out what comes by itself: ca-certificates, locales', collect)
    .option('--exclude <glob>', 'leave files out, by name or by path in a store path; repeatable', collect)
    .option(
      '--check',
      'run the command behind --, a program of the bundle, in an empty root without network; keep the file only if it exits with 0',
    )
    .option(
      '--allow <check>',
      'pass over what a check finds (library-missing, …); repeatable, or with commas between',
      collect,
    );
}

/** The flags that say how the app starts. */
function addStartFlags(bundle: Command): void {
  bundle
    .optionsGroup('How it starts:')
    .option(
      '--program <name[=path]>',
      'what to start where the bundle is called <name>: bin/<name> of the app, or <path>; repeatable',
      collect,
    )
    .option('--all-programs', 'the same for each program in bin of the app')
    .option('--env <K=V>', 'set a variable where the environment has none; repeatable', collectEnv)
    .option('--arg <argument>', 'put before the arguments of the user; repeatable', collect)
    .option('--workdir <path>', "directory that the app starts in (default: the caller's)", parsePath)
    .option(
      '--bind <source:target>',
      'show a file or directory of the host, or of a store path, at another path, where nothing is there or with :always; repeatable',
      collectBind,
    )
    .option('--init', 'as PID 1 run under a small init, for apps that then ignore signals or leave zombies')
    .option('--no-runtime-options', 'leave all of --saddlebag-… to the app');
}

/** The flags that say how the file is made. */
function addOutputFlags(bundle: Command): void {
  bundle
    .optionsGroup('The file:')
    .option('-o, --output <file>', 'where to write it (default: <name>-<version>-<arch>)', parseFile)
    .option('--sbom <file>', 'write a bill of materials (CycloneDX, JSON)', parseFile)
    .option('--force', 'replace a file that is there')
    .addOption(
      new Option('--compress <level>', 'how hard to compress')
        .choices(['fast', 'balanced', 'small'])
        .default('balanced'),
    )
    .option(
      '--jobs <n>',
      'frames compressed at once (default: the number of processors, fewer where memory is short)',
      parseCount,
    )
    .option('--no-cache', 'read and compress everything, and keep nothing for the next time');
}
