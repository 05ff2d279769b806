import type { Command } from 'commander';
import type { UnitFlags } from '../commands/unit.ts';
import {
  collect,
  collectEnv,
  command,
  examples,
  type Host,
  type OutputFlags,
  outputOf,
  parseCount,
  parsePath,
} from './command.ts';

/** Adds `saddlebag unit`. */
export function addUnit(program: Command, { invoke }: Host): void {
  command(program, 'unit <bundle>', 'print a hardened systemd service, for hosts without Nomad')
    .option('--path <path>', 'where the bundle is on the host (default: /usr/local/bin/<name>)', parsePath)
    .option('--env <K=V>', 'set a variable; repeatable', collectEnv)
    // Not --env-file: node takes that for its own wherever it stands, and ends where it finds no such file here.
    .option('--environment-file <path>', 'file on the host with more of them: secrets', parsePath)
    .option('--arg <argument>', 'pass an argument; repeatable', collect)
    .option('--user <user>', 'run as this user of the host (default: one of its own)')
    .option('--memory <mib>', 'MiB that it may take (default: no limit)', parseCount)
    .addHelpText(
      'after',
      examples(
        'saddlebag unit ./app-0.1.0-x86_64 --env PORT=8080 > app.service',
        'saddlebag unit ./app-0.1.0-x86_64 --environment-file /etc/app.env --memory 512 > app.service',
      ),
    )
    .action((bundle: string, flags: UnitFlags & OutputFlags) =>
      invoke({
        ...outputOf(flags),
        run: async (context) => (await import('../commands/unit.ts')).runUnit({ bundle, flags }, context),
      }),
    );
}
