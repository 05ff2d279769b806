import { basename, join } from 'node:path';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { type StorePath, storePathOf } from '../../src/core/store-path.ts';
import type { NamedProgram } from '../../src/core/types.ts';
import { isExecutableFile } from './locate.ts';
import { programNames } from './nix/entrypoint.ts';
import type { ProgramClosure } from './program-closure.ts';

/** Which programs a bundle answers as besides its entrypoint: `all` of the app's `bin`, and those listed. */
export interface ProgramsRequest {
  readonly all: boolean;
  /** `NAME`, for `bin/NAME` of the app, or `NAME=PATH`. */
  readonly named: readonly string[];
}

interface App {
  readonly storePath: StorePath;
  /** Where its files are now. */
  readonly directory: string;
  /** Base name of the entrypoint, under which it answers already. */
  readonly own: string;
}

/**
 * Finds the programs that a bundle answers as when it is called by their names. They lie in the app's own store path,
 * beside its entrypoint; paths are taken from its top, and may be absolute in the store.
 * @throws {SaddlebagError} `program-missing`, which lists what there is; `program-invalid` for a name that is none, or is
 *   taken; `flags-conflict` for a source that has one program only
 */
export async function namePrograms(
  request: ProgramsRequest | undefined,
  found: Pick<ProgramClosure, 'program' | 'paths'>,
): Promise<readonly NamedProgram[]> {
  if (request === undefined) return [];
  const app = appOf(found);
  const programs = new Map<string, string>();
  for (const text of request.named) {
    const { name, path } = parseProgram(text);
    if (name === app.own) throw invalid(text, 'the entrypoint has that name');
    if (programs.has(name)) throw invalid(text, 'the name was given before');
    if (!(await isExecutableFile(join(app.directory, path)))) throw await missing(app, path);
    programs.set(name, `${app.storePath}/${path}`);
  }
  for (const name of request.all ? await programNames(app.directory) : []) {
    if (name !== app.own && !programs.has(name)) programs.set(name, `${app.storePath}/bin/${name}`);
  }
  return [...programs].map(([name, program]) => ({ name, program }));

  function parseProgram(text: string): { readonly name: string; readonly path: string } {
    const [, name = '', given] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
    if (name === '' || name.includes('/')) throw invalid(text, 'the name that it is called by has no /');
    const path = given ?? `bin/${name}`;
    const inside = path.startsWith(`${app.storePath}/`) ? path.slice(app.storePath.length + 1) : path;
    if (inside.split('/').some((part) => ['', '.', '..'].includes(part))) {
      throw invalid(text, `the path has to lie below ${app.directory}`);
    }
    return { name, path: inside };
  }
}

function appOf({ program, paths }: Pick<ProgramClosure, 'program' | 'paths'>): App {
  const storePath = storePathOf(program);
  const directory = paths.find((path) => path.storePath === storePath)?.directory;
  if (storePath === undefined || directory === null || directory === undefined) {
    throw new SaddlebagError(
      'flags-conflict',
      `cannot name further programs of ${basename(program)}: it is one program`,
      {
        hint: '--program and --all-programs are for Nix builds and directories',
        exitCode: exitCodes.usage,
      },
    );
  }
  return { storePath, directory, own: basename(program) };
}

async function missing({ directory }: App, path: string): Promise<SaddlebagError> {
  const names = await programNames(directory);
  return new SaddlebagError('program-missing', `cannot bundle ${directory}: it has no program ${path}`, {
    hint:
      names.length === 0
        ? 'name it by its path: --program NAME=PATH'
        : `in bin there are ${names.join(', ')}`,
    exitCode: exitCodes.usage,
  });
}

function invalid(text: string, reason: string): SaddlebagError {
  return new SaddlebagError('program-invalid', `cannot take --program ${text}: ${reason}`, {
    hint: 'give NAME for bin/NAME of the app, or NAME=PATH',
    exitCode: exitCodes.usage,
  });
}
