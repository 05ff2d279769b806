import { constants } from 'node:fs';
import { access, readlink, realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { describeCause, exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { storeDirectory, storePathName, storePathOf } from '../../src/core/store-path.ts';
import type { ClosureSource } from '../../src/core/types.ts';
import { endsAsBundle } from '../format/trailer.ts';
import { readExecutable } from './executable.ts';
import { isImage } from './image/detect.ts';
import { type AskedReading, chooseProject } from './project/kinds.ts';

/** What `<app>` stands for. */
export interface LocatedApp {
  readonly source: ClosureSource;
  /** Absolute; for a Nix closure the place in the store that it leads to. */
  readonly file: string;
}

// What users see of a store is one of these: trees of links to all that is installed. The app is what a link in them
// leads to; the closure of the environment would be the whole machine.
const environmentNames = /^(user-environment|profile|system-path|home-manager-path|nixos-system-.*)$/;

const prefixes: Readonly<Record<string, ClosureSource>> = {
  'nix:': 'nix',
  'program:': 'program',
  'dir:': 'directory',
  'image:': 'image',
};

/**
 * Decides how `<app>` is read: as its prefix or `asked` says; else an image as an image; what leads into the Nix store
 * is a Nix closure, a directory with the files of a project that project, any other a directory, and any other
 * executable file a program of this machine. A bare name is a file here, or where that is none or a bundle of it, what
 * PATH has under that name.
 * @throws {SaddlebagError} `app-not-found`, `already-bundle`, `not-executable`, `source-mismatch` where the prefix does
 *   not fit, `source-ambiguous`, `project-missing`, `flags-conflict`
 */
export async function locateApp(
  app: string,
  context: Pick<Context, 'cwd' | 'env'>,
  asked: AskedReading = {},
): Promise<LocatedApp> {
  const prefix = Object.keys(prefixes).find((candidate) => app.startsWith(candidate)) ?? '';
  const forced = prefixes[prefix];
  const file = await findApp(app.slice(prefix.length), context);
  await refuseSpecial(file);
  if (forced === 'image' || (forced === undefined && (await isImage(file)))) return { source: 'image', file };
  const project = forced === undefined ? await chooseProject(file, asked) : refuseBoth(app, asked);
  if (project !== null) return { source: project, file: await realpath(file) };
  const inStore = await enterStore(file);
  const isDirectory = (await stat(inStore ?? file)).isDirectory();
  const source = forced ?? (inStore !== undefined ? 'nix' : isDirectory ? 'directory' : 'program');
  if (source === 'nix' && inStore === undefined) {
    throw mismatch(app, `it does not lead into ${storeDirectory}`);
  }
  if (source === 'directory' && !isDirectory) throw mismatch(app, 'it is not a directory');
  if (source === 'program') await requireProgram(file, isDirectory);
  return { source, file: source === 'nix' ? (inStore ?? file) : file };
}

/**
 * Follows links, one by one, until a path lies in the Nix store in something that was built, and returns that path;
 * undefined when it never does. Links inside the store are kept: they may be programs of another name, or join packages.
 */
export async function enterStore(file: string): Promise<string | undefined> {
  let path = file;
  // The kernel's own limit of links in one path.
  for (let links = 0; links <= 40; links++) {
    const storePath = storePathOf(path);
    if (storePath !== undefined && !environmentNames.test(storePathName(storePath))) return path;
    const next = await followFirstLink(path);
    if (next === undefined) return undefined;
    path = next;
  }
  return undefined;
}

/** Replaces the first component that is a link by its target; undefined where none is. */
async function followFirstLink(path: string): Promise<string | undefined> {
  const parts = path.split('/').filter((part) => part !== '');
  for (let count = 1; count <= parts.length; count++) {
    const head = `/${parts.slice(0, count).join('/')}`;
    const target = await readlink(head).catch(() => undefined);
    if (target !== undefined) return resolve(dirname(head), target, ...parts.slice(count));
  }
  return undefined;
}

/**
 * Finds a program by name in the directories of PATH, as a shell does; undefined where none has it.
 */
export async function findOnPath(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    const file = join(directory, name);
    if (directory.startsWith('/') && (await isExecutableFile(file))) return file;
  }
  return undefined;
}

/** True for a file, or a link to one, that this user may start. */
export async function isExecutableFile(file: string): Promise<boolean> {
  const stats = await stat(file).catch(() => undefined);
  if (!stats?.isFile()) return false;
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function findApp(app: string, context: Pick<Context, 'cwd' | 'env'>): Promise<string> {
  if (app === '') {
    throw new SaddlebagError('app-not-found', 'cannot bundle an app without a name', {
      hint: 'give a path, or a name on PATH: if a variable stands for it, that is empty',
      exitCode: exitCodes.usage,
    });
  }
  const file = resolve(context.cwd, app);
  const problem = await stat(file).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  const onPath = app.includes('/') ? undefined : await findOnPath(app, context.env);
  if (problem === undefined) return onPath !== undefined && (await isBundle(file)) ? onPath : file;
  if (onPath !== undefined) return onPath;
  throw new SaddlebagError('app-not-found', `cannot bundle ${app}: ${describeCause(problem)}`, {
    cause: problem,
    hint: hintForAbsent(app),
  });
}

/** Who opens a pipe waits for another to write, and no Ctrl-C ends that. */
async function refuseSpecial(file: string): Promise<void> {
  const stats = await stat(file);
  if (stats.isFile() || stats.isDirectory()) return;
  throw new SaddlebagError('not-executable', `cannot bundle ${file}: it is a device, a pipe or a socket`, {
    hint: 'give a program, a directory, or an image as a file: docker save NAME > image.tar',
  });
}

/** As `saddlebag bundle git -o git` leaves behind, and then finds the next time. */
async function isBundle(file: string): Promise<boolean> {
  return (await stat(file)).isFile() && endsAsBundle(file);
}

/** An image by its name: with a registry's host in front, or a tag behind. */
const imageName = /^(?:[\w-]+\.[\w.-]+(?::\d+)?\/[\w./-]+(?::[\w.-]+)?|[\w/-]+:[\w.-]+)$/;

function hintForAbsent(app: string): string {
  const name = app.replace(/^docker:\/\//, '');
  if (name !== app || imageName.test(name)) {
    return `an image is read from a file: docker save ${name} > image.tar && saddlebag bundle image.tar`;
  }
  return app.includes('/')
    ? 'give a Nix build (result), a program, or a directory'
    : 'there is no such file here, nor such a program on PATH';
}

async function requireProgram(file: string, isDirectory: boolean): Promise<void> {
  if (isDirectory) throw mismatch(file, 'it is a directory, not a program');
  if (await endsAsBundle(file)) {
    throw new SaddlebagError('already-bundle', `cannot bundle ${file}: it is a bundle already`, {
      hint: 'give the program that it was made from, by its path',
    });
  }
  if (await isExecutableFile(file)) return;
  // What is no program, whatever its mode, is told as such: nobody should make /etc/passwd executable.
  await readExecutable(file);
  throw new SaddlebagError('not-executable', `cannot bundle ${file}: it is not executable`, {
    hint: `make it so: chmod +x ${file}`,
  });
}

function refuseBoth(app: string, { project }: AskedReading): null {
  if (project === undefined) return null;
  throw new SaddlebagError(
    'flags-conflict',
    `cannot read ${app} in two ways: its prefix says one, --${project} another`,
    {
      hint: 'leave one of them out',
      exitCode: exitCodes.usage,
    },
  );
}

function mismatch(app: string, reason: string): SaddlebagError {
  return new SaddlebagError('source-mismatch', `cannot bundle ${app}: ${reason}`, {
    hint: 'nix: takes what leads into the Nix store, program: an executable file, dir: a directory, image: an OCI image',
    exitCode: exitCodes.usage,
  });
}
