import { Command } from 'commander';
import { toolVersion } from './commands/version.ts';
import { addBundle } from './program/bundle.ts';
import { addCache } from './program/cache.ts';
import { examples, type Host } from './program/command.ts';
import { addCompletion } from './program/completion.ts';
import { addConfig } from './program/config.ts';
import { addDeploy } from './program/deploy.ts';
import { addDiff } from './program/diff.ts';
import { addHistory } from './program/history.ts';
import { addInit } from './program/init.ts';
import { addInspect } from './program/inspect.ts';
import { addJob } from './program/job.ts';
import { addLogs } from './program/logs.ts';
import { addPromote } from './program/promote.ts';
import { addPrune } from './program/prune.ts';
import { addPublish } from './program/publish.ts';
import { addReleases } from './program/releases.ts';
import { addRollback } from './program/rollback.ts';
import { addServe } from './program/serve.ts';
import { addStatus } from './program/status.ts';
import { addStop } from './program/stop.ts';
import { addUnit } from './program/unit.ts';
import { addUp } from './program/up.ts';
import { addVerify } from './program/verify.ts';
import { addWatch } from './program/watch.ts';

/** In the order in which an app goes through them. */
const commandGroups: readonly (readonly [string, readonly ((program: Command, host: Host) => void)[]])[] = [
  ['A project, from its saddlebag.hcl:', [addInit, addUp, addConfig]],
  ['Bundle:', [addBundle, addInspect, addDiff, addCache]],
  ['Publish:', [addPublish, addReleases, addVerify, addPrune, addServe]],
  ['Deploy:', [addDeploy, addJob, addUnit]],
  ['A job that is there:', [addStatus, addLogs, addHistory, addWatch, addPromote, addRollback, addStop]],
  ['Your shell:', []],
];

/**
 * Builds the tree of commands: names, flags, help and examples. Each command is imported when it runs, so that help is
 * quick.
 */
export function createProgram(host: Host): Command {
  const program = new Command('saddlebag')
    .description('One executable file from an app and everything it needs; publish it, deploy it on Nomad.')
    .version(toolVersion)
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      examples(
        'saddlebag init && saddlebag up                 all of it, for the project in this directory',
        'saddlebag bundle ./result                      a Nix build',
        'saddlebag bundle ./server.js                   a script, with the interpreter that runs it',
        'saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps',
        'saddlebag deploy $(saddlebag publish ./app-0.1.0-x86_64 --to s3://bundles/apps) --port http',
      ),
    );
  for (const [heading, commands] of commandGroups) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, host);
  }
  // Here, where it takes the heading of the last group.
  program.helpCommand('help [command]', 'display help for a command');
  addCompletion(program, host);
  return program;
}
