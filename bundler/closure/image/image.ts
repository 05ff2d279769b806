import { mkdtemp, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import type { Entrypoint } from '../../../src/core/types.ts';
import { readExecutable } from '../executable.ts';
import type { SourceClosure } from '../program-closure.ts';
import { contentPath } from '../tree-digest.ts';
import type { Workplace } from '../workplace.ts';
import { archiveBlobs, type Blobs, directoryBlobs } from './blobs.ts';
import { type ImageConfig, parseConfig } from './config.ts';
import { applyLayers, type LeftOut } from './layers.ts';
import { readManifest } from './manifest.ts';
import { resolveInTree } from './scoped-path.ts';

/**
 * Reads an OCI image: a layout in a directory, or an archive of one or of `docker save`. Its layers become one store
 * path; when it was built reaches no byte of it.
 * @throws {SaddlebagError} `image-invalid`, `image-program-missing`, `arch-unsupported`, and what `walkTree` throws
 */
export async function readImage(
  file: string,
  { name }: { readonly name: string },
  place: Workplace,
): Promise<SourceClosure> {
  const { context, workDirectory } = place;
  const { signal } = context;
  const blobs = (await stat(file)).isDirectory()
    ? directoryBlobs(file)
    : await archiveBlobs(file, workDirectory, signal);
  const manifest = await readManifest(blobs);
  const config = parseConfig(blobs, manifest);
  const tree = await mkdtemp(join(workDirectory, 'root-'));
  warnOfLeftOut(file, await applyLayers(manifest.layers, { blobs, tree, signal }), place);
  const start = await findStart(config, tree, blobs);
  const path = await contentPath(name, { directory: tree, files: {} }, [], signal);
  return {
    program: `${path.storePath}${start.program}`,
    args: start.args,
    defaultArgs: start.defaultArgs,
    env: config.env,
    workingDirectory: config.workingDirectory,
    programs: [],
    binds: [],
    // As in a container: Alpine's sh is busybox, which is what it is called.
    ownName: true,
    helpers: [],
    root: path.storePath,
    imageSettings: config.settings,
    arch: manifest.arch,
    interpreter: start.interpreter,
    ownLoader: true,
    paths: [path],
  };
}

interface Start extends Pick<Entrypoint, 'args' | 'defaultArgs' | 'interpreter'> {
  /** Absolute inside the image. */
  readonly program: string;
}

/** Splits what the image starts into program and arguments, and finds the program as a container would. */
async function findStart(
  { command, defaultArgs, env, workingDirectory }: ImageConfig,
  tree: string,
  blobs: Blobs,
): Promise<Start> {
  const [called, ...rest] = command.length > 0 ? command : defaultArgs;
  const program = await findProgram(called ?? '', { env, workingDirectory, tree });
  if (called === undefined || program === undefined) throw missingProgram(blobs.image, called ?? '');
  const real = await resolveInTree(tree, program);
  const interpreter = real === undefined ? null : await findInterpreterName(real);
  return command.length > 0
    ? { program, args: rest, defaultArgs, interpreter }
    : { program, args: [], defaultArgs: rest, interpreter };
}

async function findProgram(
  called: string,
  { env, workingDirectory, tree }: Pick<ImageConfig, 'env' | 'workingDirectory'> & { readonly tree: string },
): Promise<string | undefined> {
  const path = env.find(({ name }) => name === 'PATH')?.value ?? '';
  const candidates = called.includes('/')
    ? [posix.resolve(workingDirectory, called)]
    : path.split(':').map((directory) => posix.resolve(workingDirectory, directory, called));
  for (const candidate of candidates) {
    const real = await resolveInTree(tree, candidate);
    const found = real === undefined ? undefined : await stat(real).catch(() => undefined);
    if (found?.isFile() && (found.mode & 0o111) !== 0) return candidate;
  }
  return undefined;
}

/** Returns the base name of the interpreter of a script; null for a program. */
async function findInterpreterName(file: string): Promise<string | null> {
  const executable = await readExecutable(file);
  if (executable.kind === 'elf') return null;
  const { interpreter, command } = executable.shebang;
  return basename(command ?? interpreter);
}

function missingProgram(image: string, called: string): SaddlebagError {
  return new SaddlebagError(
    'image-program-missing',
    `cannot bundle ${image}: it starts ${called}, which it does not hold`,
    {
      hint: 'build the image with an Entrypoint or Cmd that names one of its programs',
    },
  );
}

function warnOfLeftOut(file: string, { special, privileged }: LeftOut, { context }: Workplace): void {
  const warn = (paths: readonly string[], what: string) => {
    if (paths.length === 0) return;
    const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
    context.reporter.report({
      kind: 'warning',
      code: 'image-reduced',
      stage: 'closure',
      message: `${file}: ${paths.slice(0, 3).join(', ')}${more} ${what}`,
    });
  };
  warn(special, 'left out: devices and fifos have no place in a bundle');
  warn(privileged, 'lost the right to run as another user: a bundle has no such files');
}
