import { access, constants, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { endsAsBundle } from '../format/trailer.ts';
import { isElf, readElf, readStart } from './elf/read.ts';
import type { ExtraFiles } from './extra.ts';
import { findOnPath, isExecutableFile } from './locate.ts';
import { isTooMuch } from './mirror.ts';

/** A program that comes along with its own closure, and is found on PATH. */
export interface Helper {
  /** Absolute. */
  readonly file: string;
  /** Where it also appears if the host has nothing there: programs start it by this path. */
  readonly target: string | null;
}

/** What a bundle gets besides the app: asked for by name, or seen in a traced run. */
export interface Inclusions {
  readonly helpers: readonly Helper[];
  readonly extra: ExtraFiles;
}

/**
 * Decides what each `--include` stands for. A path to a program is a helper, which appears at that path too; any other
 * file or directory is data for that path. A bare name is a file here that is no bundle, else a program on PATH, else the
 * name of a library (`libgtk-3.so.0`), looked for where ld.so does once the program's loader is known.
 * @throws {SaddlebagError} `include-missing`, `include-too-wide`, `already-bundle`
 */
export async function readInclusions(words: readonly string[], context: Context): Promise<Inclusions> {
  const helpers: Helper[] = [];
  const data: string[] = [];
  const libraries: string[] = [];
  for (const word of words) {
    const file = resolve(context.cwd, word);
    const kind = await kindOf(file);
    const isBundle = kind === 'program' && (await endsAsBundle(file));
    const isAbsent = kind === null || isBundle;
    const onPath = isAbsent && !word.includes('/') ? await findOnPath(word, context.env) : undefined;
    if (isBundle && onPath === undefined) throw bundleIncluded(word);
    if (kind === 'program' && !isBundle) helpers.push({ file, target: file });
    else if (kind === 'library') libraries.push(file);
    else if (kind === 'data') data.push(await requireBounded(file));
    else if (onPath !== undefined) helpers.push({ file: onPath, target: null });
    else if (/^[^/]+\.so(\.[\d.]+)?$/.test(word)) libraries.push(word);
    else throw missing(word);
  }
  return { helpers, extra: { files: data, binds: data, libraries } };
}

/**
 * Joins what was asked for and what was seen, each kept once.
 */
export function joinInclusions(asked: Inclusions, seen: Inclusions): Inclusions {
  const join = (key: keyof ExtraFiles) => [...new Set([...asked.extra[key], ...seen.extra[key]])];
  const known = new Set(asked.helpers.map(({ file }) => file));
  return {
    helpers: [...asked.helpers, ...seen.helpers.filter(({ file }) => !known.has(file))],
    extra: { files: join('files'), binds: join('binds'), libraries: join('libraries') },
  };
}

/**
 * Tells what a file is to a bundle; null where there is none that can be read.
 */
export async function kindOf(file: string): Promise<'program' | 'library' | 'data' | null> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) return null;
  if (!stats.isFile()) return 'data';
  const readable = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (!readable) return null;
  const start = await readStart(file, 4);
  const executable = await isExecutableFile(file);
  if (!isElf(start)) return executable && start.toString('latin1', 0, 2) === '#!' ? 'program' : 'data';
  const elf = await readElf(file).catch(() => null);
  if (elf === null) return 'data';
  // libc.so.6 can be started too; a DT_SONAME makes it a library.
  if (elf.soname !== null || (elf.interpreter === null && elf.needed.length > 0)) return 'library';
  return executable ? 'program' : 'data';
}

async function requireBounded(path: string): Promise<string> {
  if (!isTooMuch(await realpath(path))) return path;
  throw new SaddlebagError(
    'include-too-wide',
    `cannot include ${path}: it holds the whole system, or no files of its own`,
    {
      hint: 'name the directories in it that the app needs, or let --trace find them',
      exitCode: exitCodes.usage,
    },
  );
}

function bundleIncluded(word: string): SaddlebagError {
  return new SaddlebagError('already-bundle', `cannot include ${word}: it is a bundle`, {
    hint: 'give the program that it was made from, by its path',
    exitCode: exitCodes.usage,
  });
}

function missing(word: string): SaddlebagError {
  const reason = word.includes('/')
    ? 'there is no such file, or it cannot be read'
    : 'there is no such file here, nor such a program on PATH';
  return new SaddlebagError('include-missing', `cannot include ${word}: ${reason}`, {
    hint: 'give a program, a file or a directory of this machine, or the name of a library (libname.so.1)',
    exitCode: exitCodes.usage,
  });
}
