import { type Command, InvalidArgumentError } from 'commander';
import { isPlainPath } from '../../bundler/format/launch.ts';
import type { CommandResult } from '../commands/result.ts';
import type { Context } from '../core/context.ts';
import type { Bind } from '../core/types.ts';

/** A command that the user asked for, ready to run. */
export interface Invocation {
  readonly json: boolean;
  readonly quiet: boolean;
  run(context: Context): Promise<CommandResult>;
}

/** Starts a command, and reads what a command takes on stdin; given by `src/main.ts`. */
export interface Host {
  /** All arguments, as the process got them. */
  readonly argv: readonly string[];
  readonly invoke: (invocation: Invocation) => Promise<void>;
  /** Reads stdin to its end, until `signal` ends that by throwing. */
  readonly readStdin: (signal: AbortSignal) => Promise<string>;
  /** Writes on stdout before the result is there; for what a command goes on printing. */
  readonly write: (text: string) => void;
  /** Asks a person at the terminal; null where nobody is there. */
  readonly confirm: ((question: string, signal: AbortSignal) => Promise<boolean>) | null;
}

/** The flags that every command has. */
export interface OutputFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds a command with the flags that every command has. */
export function command(program: Command, nameAndArguments: string, summary: string): Command {
  return program
    .command(nameAndArguments)
    .description(summary)
    .option('--json', 'print the result as one JSON object, events as lines of JSON on stderr')
    .option('-q, --quiet', 'print nothing but the result and errors');
}

/** Returns what the flags say about output. */
export function outputOf(flags: OutputFlags): Pick<Invocation, 'json' | 'quiet'> {
  return { json: flags.json === true, quiet: flags.quiet === true };
}

/** Returns the last part of a help page. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

/** Collects the values of a repeatable flag. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** Collects NAME=VALUE of a repeatable flag; refuses what is not of that form. */
export function collectEnv(
  value: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(value);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new InvalidArgumentError('expected NAME=VALUE, for example PORT=8080.');
  }
  return { ...previous, [match[1]]: match[2] };
}

/** Collects SOURCE:TARGET or SOURCE:TARGET:always of a repeatable flag; refuses what is not of that form. */
export function collectBind(value: string, previous: readonly Bind[] = []): readonly Bind[] {
  const [source = '', target = '', policy = 'where-absent', ...rest] = value.split(':');
  const known = policy === 'always' || policy === 'where-absent' ? policy : undefined;
  if (!isPlainPath(source) || !isPlainPath(target) || known === undefined || rest.length > 0) {
    throw new InvalidArgumentError(
      'expected SOURCE:TARGET, both absolute, and :always to cover what is there.',
    );
  }
  if (/^\/(nix|proc|sys)(\/|$)/.test(target)) {
    throw new InvalidArgumentError('nothing can be put below /nix, /proc and /sys.');
  }
  return [...previous, { source, target, policy: known }];
}

/** Parses an absolute path without `.`, `..` and empty components. */
export function parsePath(value: string): string {
  if (!isPlainPath(value) && value !== '/') throw new InvalidArgumentError('expected an absolute path.');
  return value;
}

/** Parses the path of a file to write; refuses `-`, which elsewhere stands for stdout. */
export function parseFile(value: string): string {
  if (value === '') throw new InvalidArgumentError('expected the path of a file.');
  if (value !== '-') return value;
  throw new InvalidArgumentError(
    'it appears whole or not at all, so it is a file and never stdout; ./- is a file of that name.',
  );
}

/** Parses a whole number from 1. */
export function parseCount(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('expected a whole number from 1.');
  return Number(value);
}

/** Returns what stands behind the first `--`: Commander puts it among the other arguments. */
export function behindDashes(argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('--');
  return at < 0 ? [] : argv.slice(at + 1);
}
