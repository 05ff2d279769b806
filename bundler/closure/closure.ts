import { basename, dirname, relative } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { storePathOf } from '../../src/core/store-path.ts';
import type { Closure, EnvSetting } from '../../src/core/types.ts';
import { readDirectory } from './directory.ts';
import { type LocatedApp, locateApp } from './locate.ts';
import { type AppName, nameApp } from './naming.ts';
import { readNix } from './nix.ts';
import { chooseProgram } from './nix-program.ts';
import { readProgram } from './program.ts';
import type { ProgramClosure, Workplace } from './program-closure.ts';

/** What the user asks to be bundled. */
export interface ClosureRequest {
  /** A path, or a name on PATH; `nix:`, `program:` or `dir:` before it force how it is read. */
  readonly app: string;
  /** The program to start, inside a directory or a Nix build. */
  readonly entrypoint?: string;
  readonly name?: string;
  readonly appVersion?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads an app and everything that it needs, from the source that `request.app` stands for, and reports the choice.
 * Edited files are written to `workDirectory`, which the caller deletes once the bundle is written.
 * @throws {SaddlebagError} `app-not-found`, `not-executable`, `source-mismatch`, `name-invalid`, `entrypoint-required`,
 *   `entrypoint-unexpected`, and what the source throws
 */
export async function readClosure(
  request: ClosureRequest,
  workDirectory: string,
  context: Context,
): Promise<Closure> {
  const app = await locateApp(request.app, context);
  const appName = nameApp(app.file, request);
  const found = await readSource(app, appName, request, { context, workDirectory });
  return {
    source: app.source,
    ...appName,
    arch: found.arch,
    entrypoint: {
      program: found.program,
      args: request.args,
      defaultArgs: [],
      env: [...withDefaults(request.env, found.interpreter), ...found.env],
      workingDirectory: null,
      init: false,
      ownName: found.ownName,
      interpreter: found.interpreter,
    },
    programs: [],
    binds: found.binds,
    root: null,
    ownLoader: found.ownLoader,
    paths: found.paths,
  };
}

/** Python keeps what it prints in a buffer when stdout is no terminal, so that a crash would lose its last words. */
function withDefaults(
  env: Readonly<Record<string, string>>,
  interpreter: string | null,
): readonly EnvSetting[] {
  const all = interpreter?.startsWith('python') ? { PYTHONUNBUFFERED: '1', ...env } : env;
  return Object.entries(all).map(([name, value]) => ({ name, value, policy: 'where-unset' }));
}

async function readSource(
  { source, file }: LocatedApp,
  { name, appVersion }: AppName,
  request: ClosureRequest,
  place: Workplace,
): Promise<ProgramClosure> {
  const { entrypoint } = request;
  const storeName = appVersion === '' ? name : `${name}-${appVersion}`;
  switch (source) {
    case 'nix': {
      const program = await chooseProgram(file, entrypoint);
      const top = storePathOf(program) ?? dirname(program);
      report(
        `reading ${top} as a Nix closure, entrypoint ${relative(top, program) || basename(program)}`,
        place,
      );
      return readNix(program, place);
    }
    case 'program':
      if (entrypoint !== undefined) throw unexpectedEntrypoint(file);
      report(`reading ${file} as a program of this machine`, place);
      return readProgram(file, { name: storeName }, place);
    case 'directory':
      if (entrypoint === undefined) throw requiredEntrypoint(file);
      report(`reading ${file} as a directory, entrypoint ${entrypoint}`, place);
      return readDirectory(file, { entrypoint, name: storeName }, place);
  }
}

function report(message: string, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message });
}

function unexpectedEntrypoint(file: string): SaddlebagError {
  return new SaddlebagError(
    'entrypoint-unexpected',
    `cannot bundle ${file}: a program is its own entrypoint`,
    {
      hint: 'leave --entrypoint out; it is for directories and Nix builds',
      exitCode: exitCodes.usage,
    },
  );
}

function requiredEntrypoint(file: string): SaddlebagError {
  return new SaddlebagError('entrypoint-required', `cannot bundle ${file}: it is a directory`, {
    hint: 'name the program inside it with --entrypoint',
    exitCode: exitCodes.usage,
  });
}
