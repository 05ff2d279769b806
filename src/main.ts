import { once } from 'node:events';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Command, CommanderError } from 'commander';
import type { CommandResult } from './commands/result.ts';
import type { Context } from './core/context.ts';
import { describeCause, exitCodes, SaddlebagError, toldAsInterrupted } from './core/errors.ts';
import { execProcess } from './core/exec.ts';
import { removeLeftovers } from './core/leftovers.ts';
import { printableJson, printableLines } from './core/printable.ts';
import { type Reporter, silentReporter } from './core/reporter.ts';
import type { Host, Invocation } from './program/command.ts';
import { createProgram } from './program.ts';
import { renderFailure, renderFailureJson } from './report/failure.ts';
import { createJsonReporter } from './report/json.ts';
import { withoutCommands } from './report/workflow-commands.ts';

/**
 * Runs the command that `host`'s arguments name, prints its result on stdout and everything else on stderr, and sets the
 * exit code.
 */
export async function main(host: NodeJS.Process): Promise<void> {
  // Looked for by hand: where the arguments are wrong, nobody has parsed them.
  const json = host.argv.includes('--json');
  host.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    // A reader that goes away (`saddlebag … | head -1`) has what it wanted.
    if (cause.code === 'EPIPE') return;
    const failure = resultLost(cause);
    host.stderr.write(json ? renderFailureJson(failure) : renderFailure(failure));
    host.exitCode = host.exitCode || failure.exitCode;
  });
  const program = createProgram({
    argv: host.argv,
    invoke: (invocation) => invoke(host, invocation),
    readStdin: (signal) => text(addAbortSignal(signal, host.stdin)),
    write: (text) => host.stdout.write(forReader(text, host)),
    confirm: confirmOn(host),
  }).exitOverride();
  for (const command of program.commands) command.copyInheritedSettings(program);
  // With --json they are told below.
  tellMistakes(program, { called: 'saddlebag', write: (text) => json || host.stderr.write(text) });
  try {
    await program.parseAsync(host.argv);
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    // Help and version end well, anything else was a mistake in the arguments; Commander has printed it for people.
    host.exitCode = cause.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (json && cause.exitCode !== 0) host.stderr.write(renderFailureJson(usageError(cause)));
  }
}

/** Has a command and those below it tell mistakes in their arguments as all other errors are told. */
function tellMistakes(
  command: Command,
  { called, write }: { readonly called: string; readonly write: (text: string) => void },
): void {
  const long = command.options.flatMap((option) => option.long ?? []);
  command.configureOutput({ outputError: (text) => write(renderMistake(text, { called, long })) });
  for (const below of command.commands) tellMistakes(below, { called: `${called} ${below.name()}`, write });
}

/** Commander writes `error: …`, and on a line of its own what may have been meant. */
function renderMistake(
  text: string,
  { called, long }: { readonly called: string; readonly long: readonly string[] },
): string {
  const [, message = '', near] = /^(?:error: )?(.*?)(?:\n\(Did you mean (.*)\?\))?\n*$/s.exec(text) ?? [];
  // Nomad's own command has one dash before its options.
  const [, oneDash] = /^unknown option '(-\w[\w-]+)/.exec(message) ?? [];
  const meant = long.find((option) => option === `-${oneDash}`) ?? near;
  const hint = meant === undefined ? `see ${called} --help` : `did you mean ${meant}?`;
  return `saddlebag: ${describeMistake(message)}\n  hint: ${hint}\n`;
}

/** Of a value that will not do, Commander has a sentence for arguments and one for options, and the reason behind it. */
const badValue =
  /^(?:command-argument value '(?<word>.*?)' is invalid for argument '(?<argument>.*?)'|option '(?<option>.*?)' argument '(?<value>.*?)' is invalid)\. (?<reason>.*?)\.?$/s;

/** Says it as all messages do: `cannot take "x" for version: expected …`. */
function describeMistake(message: string): string {
  const { argument, option, reason = '', value, word } = badValue.exec(message)?.groups ?? {};
  if (reason === '') return message;
  const expected = reason.replace(/^Allowed choices are /, 'expected one of ');
  return `cannot take ${JSON.stringify(word ?? value)} for ${argument ?? option}: ${expected}`;
}

/** What an app wrote keeps its lines, and no other control over a terminal or a job of GitHub Actions. */
function forReader(text: string, { stdout, env }: NodeJS.Process): string {
  if (stdout.isTTY === true) return printableLines(text);
  return inGithub(env) ? withoutCommands(text) : text;
}

function inGithub(env: NodeJS.ProcessEnv): boolean {
  return env.GITHUB_ACTIONS === 'true';
}

/** Asks on stderr, where all but the result goes; whoever closes stdin or types Ctrl-D says no. */
function confirmOn(host: NodeJS.Process): Host['confirm'] {
  if (host.stdin.isTTY !== true || host.stderr.isTTY !== true) return null;
  return async (question, signal) => {
    const { createInterface } = await import('node:readline/promises');
    const terminal = createInterface({ input: host.stdin, output: host.stderr });
    // While it reads, the terminal's Ctrl-C comes as a key.
    terminal.on('SIGINT', () => host.kill(host.pid, 'SIGINT'));
    const closed = once(terminal, 'close').then(() => '');
    try {
      const asked = terminal.question(`${printableLines(question)} [y/N] `, { signal });
      const answer = await Promise.race([asked, closed]);
      return /^y(?:es)?$/i.test(answer.trim());
    } catch {
      signal.throwIfAborted();
      return false;
    } finally {
      terminal.close();
    }
  };
}

function resultLost(cause: unknown): SaddlebagError {
  return new SaddlebagError('output-failed', `cannot write the result to stdout: ${describeCause(cause)}`, {
    hint: 'what the command was asked is done; only its result was not written',
    cause,
  });
}

function usageError({ message }: CommanderError): SaddlebagError {
  const reason = describeMistake(message.replace(/^error: /, '').replaceAll('\n', ' '));
  return new SaddlebagError('usage-invalid', `cannot read the arguments: ${reason}`, {
    hint: 'see saddlebag --help',
    exitCode: exitCodes.usage,
  });
}

async function invoke(host: NodeJS.Process, invocation: Invocation): Promise<void> {
  const reporter = await createReporter(host, invocation);
  const github = inGithub(host.env) ? await import('./report/github.ts') : undefined;
  const page = host.env.GITHUB_STEP_SUMMARY;
  const context: Context = {
    cwd: host.cwd(),
    env: host.env,
    signal: abortOnSignals(host),
    reporter: reporter.reporter,
    exec: execProcess,
  };
  const tellFailure = async (cause: unknown) => {
    const told = invocation.json ? renderFailureJson(cause) : renderFailure(cause);
    host.stderr.write(github === undefined ? told : withoutCommands(told));
    if (github === undefined) return;
    host.stderr.write(github.renderAnnotation(cause));
    await github.appendSummary(page, github.renderFailureSummary(cause));
  };
  try {
    const result = await invocation.run(context);
    reporter.close();
    host.stdout.write(render(result, invocation.json, host));
    // What could not be written before has failed already.
    host.exitCode = host.exitCode || result.exitCode;
    if (result.summary !== undefined) await github?.appendSummary(page, result.summary);
    if (result.failure !== undefined) await tellFailure(result.failure);
  } catch (thrown) {
    const running = `running saddlebag ${host.argv.slice(2, 3).join('')}`;
    const cause = context.signal.aborted ? toldAsInterrupted(running, thrown) : thrown;
    reporter.close();
    host.exitCode = cause instanceof SaddlebagError ? cause.exitCode : exitCodes.failed;
    await tellFailure(cause);
  }
}

function render(result: CommandResult, json: boolean, { stdout, env }: NodeJS.Process): string {
  if (json && result.json === null) return '';
  if (json) return `${printableJson(JSON.stringify(result.json, null, 2))}\n`;
  const color = stdout.isTTY === true && env.TERM !== 'dumb' && (env.NO_COLOR ?? '') === '';
  if (color && result.coloredText !== undefined) return `${result.coloredText}\n`;
  // Names in it may come from outside; elsewhere than on a terminal it is the document that was asked for, byte for byte.
  const text = stdout.isTTY === true ? printableLines(result.text) : result.text;
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

async function createReporter(
  host: NodeJS.Process,
  invocation: Invocation,
): Promise<{ readonly reporter: Reporter; readonly close: () => void }> {
  const nothing = () => undefined;
  if (invocation.quiet) return { reporter: silentReporter, close: nothing };
  if (invocation.json) {
    const write = (line: string) => host.stderr.write(inGithub(host.env) ? withoutCommands(line) : line);
    return { reporter: createJsonReporter({ write }), close: nothing };
  }
  const { createTextReporter } = await import('./report/text.ts');
  const terminal = host.stderr.isTTY === true && host.env.TERM !== 'dumb';
  const inCi = (host.env.CI ?? '') !== '' && host.env.CI !== 'false';
  const colorWanted = (host.env.FORCE_COLOR ?? '') !== '' && host.env.FORCE_COLOR !== '0';
  const text = createTextReporter({
    stream: host.stderr,
    redraw: terminal && !inCi,
    color: (host.env.NO_COLOR ?? '') === '' && (terminal || colorWanted),
  });
  if (!inGithub(host.env)) return { reporter: text, close: text.close };
  const { createGithubReporter } = await import('./report/github.ts');
  const grouped = createGithubReporter(host.stderr, text, `saddlebag ${host.argv.slice(2, 3).join('')}`);
  return { reporter: grouped, close: grouped.close };
}

/** The first signal asks the work to stop and clean up, as does a stdout that is gone; the second ends the process. */
function abortOnSignals(host: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      removeLeftovers();
      host.exit(exitCodes.interrupted);
    }
    controller.abort();
  };
  host.on('SIGINT', onSignal);
  host.on('SIGTERM', onSignal);
  // What goes on printing ends with its reader; all else prints when the work is done.
  host.stdout.on('error', () => controller.abort());
  return controller.signal;
}
