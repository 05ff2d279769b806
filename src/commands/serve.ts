import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { type Access, parseListen, startServer } from '../publish/serve.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag serve`. */
export interface ServeFlags {
  /** HOST:PORT; 127.0.0.1:8000 by default. */
  readonly listen?: string | undefined;
}

const defaultListen = '127.0.0.1:8000';

/**
 * Runs `saddlebag serve`: serves a folder until the signal is aborted, which is a good end. Prints nothing; the URL and
 * each request are reported.
 * @throws {SaddlebagError} `listen-invalid`, `folder-unreadable`, `listen-failed`
 */
export async function runServe(
  input: { readonly folder: string; readonly flags: ServeFlags },
  { cwd, reporter, signal }: Context,
): Promise<CommandResult> {
  const directory = resolve(cwd, input.folder);
  const server = await startServer({
    directory,
    ...parseListen(input.flags.listen ?? defaultListen),
    onAccess: (access) =>
      reporter.report({ kind: 'detail', stage: 'serve', message: describeAccess(access) }),
  });
  try {
    reporter.report({ kind: 'step', stage: 'serve', message: `serving ${directory} at ${server.url}` });
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await server.close();
  }
  return { text: '', json: { version: 1, directory, url: server.url }, exitCode: exitCodes.done };
}

function describeAccess({ method, path, status, complete, foreignHost }: Access): string {
  const why =
    foreignHost === undefined
      ? ''
      : ` (asked for ${printable(foreignHost)}: give --listen that name, or ask by address)`;
  return `${method} ${printable(path)} ${status}${complete ? '' : ' (broken off)'}${why}`;
}
