import type { Nomad } from '../../deploy/nomad/nomad.ts';
import type { LogRequest } from '../../deploy/nomad/nomad-operations.ts';
import { chooseLog, logMissing, noLogOf } from '../../deploy/running/logs.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { printableJson } from '../core/printable.ts';
import { type NomadFlags, withNomad } from './nomad-session.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag logs`. */
export interface LogsFlags extends NomadFlags {
  readonly alloc?: string | undefined;
  readonly task?: string | undefined;
  readonly stderr?: boolean | undefined;
  readonly follow?: boolean | undefined;
  /** How many of the last lines. */
  readonly lines?: number | undefined;
  readonly json?: boolean | undefined;
}

/** A line is rarely longer than this, and Nomad counts bytes, not lines. */
const bytesPerLine = 400;
const defaultLines = 100;
/** Characters; what is longer is cut with `--json`, and shown piece by piece without. */
const longestLine = 1 << 16;

/**
 * Runs `saddlebag logs`: prints the last lines of a task's output, or with `--follow` goes on until it ends; with `--json`
 * one object, or one for each line that is followed.
 * @throws {SaddlebagError} `job-unknown`, `log-missing`, `task-unknown`; what `readConnection` and the API throw
 */
export async function runLogs(
  input: {
    readonly job: string;
    readonly flags: LogsFlags;
    readonly write: (text: string) => void;
  },
  context: Context,
): Promise<CommandResult> {
  const { job, flags } = input;
  const stream = flags.stderr === true ? 'stderr' : 'stdout';
  const choice = { jobId: job, allocation: flags.alloc ?? null, task: flags.task ?? null, stream } as const;
  return withNomad(flags, context, async (nomad) => {
    const request = await chooseLog(nomad, choice, context.signal);
    return flags.follow === true
      ? follow(nomad, request, input, context)
      : readLast(nomad, request, input, context);
  });
}

async function readLast(
  nomad: Nomad,
  request: LogRequest,
  {
    job,
    flags,
    write,
  }: { readonly job: string; readonly flags: LogsFlags; readonly write: (text: string) => void },
  { reporter }: Pick<Context, 'reporter'>,
): Promise<CommandResult> {
  const count = flags.lines ?? defaultLines;
  const text = await nomad.readLog({ ...request, maxBytes: count * bytesPerLine });
  if (text === null) throw logMissing(job, noLogOf(request));
  const lines = text.replace(/\n$/, '').split('\n').slice(-count);
  const { allocationId, task, stream } = request;
  if (text === '') {
    const other =
      stream === 'stdout'
        ? '--stderr shows what it writes there'
        : 'stdout is what is shown without --stderr';
    const message = `${stream} of task ${task} in allocation ${allocationId.slice(0, 8)} is empty: ${other}`;
    reporter.report({ kind: 'step', stage: 'logs', message });
  }
  // An app's words, which `write` knows how to show.
  if (flags.json !== true && text !== '') write(`${lines.join('\n')}\n`);
  return {
    text: '',
    json: { version: 1, jobId: job, allocation: allocationId, task, stream, lines: text === '' ? [] : lines },
    exitCode: exitCodes.done,
  };
}

async function follow(
  nomad: Nomad,
  request: LogRequest,
  input: { readonly job: string; readonly flags: LogsFlags; readonly write: (text: string) => void },
  context: Context,
): Promise<CommandResult> {
  const { job, flags, write } = input;
  const tailBytes = (flags.lines ?? defaultLines) * bytesPerLine;
  const chunks = await nomad.followLog({ ...request, tailBytes }, context.signal);
  if (chunks === null) throw logMissing(job, noLogOf(request));
  const decoder = new TextDecoder();
  const show = (line: string) =>
    flags.json === true ? `${printableJson(JSON.stringify({ line }))}\n` : `${line}\n`;
  let rest = '';
  // Whether the beginning of a line was shown without its end.
  let isCut = false;
  try {
    for await (const chunk of chunks) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) write(show(line));
      isCut &&= lines.length === 0;
      // An app need never end a line; what has come is shown, and kept no longer.
      if (rest.length > longestLine) {
        write(flags.json === true ? show(rest) : rest);
        rest = '';
        isCut = flags.json !== true;
      }
    }
  } catch (cause) {
    // Ctrl-C is how a log that is followed ends.
    if (!context.signal.aborted) throw lost(job, cause);
  }
  if (rest !== '' || isCut) write(show(rest));
  return { text: '', json: null, exitCode: exitCodes.done };
}

function lost(job: string, cause: unknown): SaddlebagError {
  return new SaddlebagError(
    'nomad-unreachable',
    `cannot follow the log of ${job} any further: the connection broke off`,
    {
      hint: `saddlebag logs --follow ${job} goes on`,
      cause,
    },
  );
}
