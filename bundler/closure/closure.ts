import { basename, dirname, join, relative } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { storePathOf } from '../../src/core/store-path.ts';
import type { Closure, ClosureSource, EnvSetting } from '../../src/core/types.ts';
import { addData } from './data/data.ts';
import type { DataRequest } from './data/kinds.ts';
import { readDirectory } from './directory.ts';
import { excludeFiles } from './exclude.ts';
import { type ExtraFiles, readExtra } from './extra.ts';
import { addHelpers } from './helpers.ts';
import { imageName } from './image/detect.ts';
import { readImage } from './image/image.ts';
import { type Inclusions, joinInclusions, readInclusions } from './include.ts';
import { type LocatedApp, locateApp } from './locate.ts';
import { type AppName, nameApp } from './naming.ts';
import { readNix } from './nix.ts';
import { chooseProgram } from './nix-program.ts';
import { readNode } from './node/node.ts';
import { readProgram } from './program.ts';
import { noSourceSettings, type SourceClosure, type Workplace } from './program-closure.ts';
import type { ProjectKind } from './project/kinds.ts';
import type { ProjectClosure } from './project/project-closure.ts';
import { reportUninstalled } from './project/uninstalled.ts';
import { readPython } from './python/python.ts';
import { traceCommand } from './trace.ts';
import { sortTraced } from './traced.ts';

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
  /** Programs, files, directories and libraries that come along. */
  readonly include?: readonly string[];
  /** A command to run: what the app opens and starts in it comes along. */
  readonly trace?: readonly string[];
  /** Globs of files that are left out. */
  readonly exclude?: readonly string[];
  /** Data that programs name; by default what the libraries of the closure look for. */
  readonly data?: DataRequest;
  /** Read it as a project of this language, by this interpreter or, where null, by the one on PATH. */
  readonly project?: { readonly kind: ProjectKind; readonly interpreter: string | null };
}

/**
 * Reads an app and everything that it needs, from the source that `request.app` stands for, and reports the choice.
 * Edited files are written to `workDirectory`, which the caller deletes once the bundle is written.
 * @throws {SaddlebagError} `app-not-found`, `not-executable`, `source-mismatch`, `name-invalid`, `entrypoint-required`,
 *   `entrypoint-unexpected`, what the source throws, and as `excludeFiles`
 */
export async function readClosure(
  request: ClosureRequest,
  workDirectory: string,
  context: Context,
): Promise<Closure> {
  const { entrypoint, project } = request;
  const app = await locateApp(request.app, context, {
    ...(project === undefined ? {} : { project: project.kind }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
  });
  const place = { context, workDirectory };
  const closure = makeClosure(app, await readWhole(app, request, place), request);
  const whole = await addData(closure, request.data ?? { with: [], without: [] }, place);
  return excludeFiles(whole, request.exclude ?? [], place);
}

function makeClosure({ source }: LocatedApp, found: ProjectClosure, request: ClosureRequest): Closure {
  return {
    source,
    ...found.appName,
    arch: found.arch,
    entrypoint: {
      program: found.program,
      args: [...found.args, ...request.args],
      defaultArgs: found.defaultArgs,
      env: withDefaults(request.env, found),
      workingDirectory: found.workingDirectory,
      init: false,
      ownName: found.ownName,
      interpreter: found.interpreter,
    },
    programs: found.programs,
    binds: found.binds,
    root: found.root,
    imageSettings: found.imageSettings,
    excluded: [],
    ownLoader: found.ownLoader,
    paths: found.paths,
  };
}

/**
 * Puts the variables of the request before those of the source, whose policy they take: an image's PATH is set always,
 * also to another value.
 */
function withDefaults(
  asked: Readonly<Record<string, string>>,
  { env, interpreter }: Pick<SourceClosure, 'env' | 'interpreter'>,
): readonly EnvSetting[] {
  // Python keeps what it prints in a buffer when stdout is no terminal: a crash would lose its last words.
  const all = interpreter?.startsWith('python') ? { PYTHONUNBUFFERED: '1', ...asked } : asked;
  const own = Object.entries(all).map(([name, value]): EnvSetting => {
    const always = env.some((setting) => setting.name === name && setting.policy === 'always');
    return { name, value, policy: always ? 'always' : 'where-unset' };
  });
  return [...own, ...env.filter(({ name, policy }) => policy !== 'always' || !Object.hasOwn(all, name))];
}

/** Reads the app, and adds what the request includes. */
async function readWhole(
  app: LocatedApp,
  request: ClosureRequest,
  place: Workplace,
): Promise<ProjectClosure> {
  const { helpers, extra } = await readAllInclusions(app, request, place);
  const found = await readSource(app, { ...request, extra }, place);
  // A program's extra files are linked with it; those of other apps stand beside it.
  const beside = app.source === 'program' ? null : await readExtra(extra, found.appName.name, place);
  const whole =
    beside === null
      ? found
      : { ...found, paths: [beside.path, ...found.paths], binds: [...found.binds, ...beside.binds] };
  return addHelpers(whole, helpers, place);
}

async function readAllInclusions(
  { source, file }: LocatedApp,
  { include, trace, entrypoint }: ClosureRequest,
  place: Workplace,
): Promise<Inclusions> {
  const asked = await readInclusions(include ?? [], place.context);
  if (trace === undefined) return asked;
  const app = source === 'directory' && entrypoint !== undefined ? join(file, entrypoint) : file;
  const seen = await sortTraced(await traceCommand(trace, app, place), place.context);
  return joinInclusions(asked, seen);
}

/** A request whose inclusions were looked up. */
type SourceRequest = ClosureRequest & { readonly extra: ExtraFiles };

async function readSource(
  app: LocatedApp,
  request: SourceRequest,
  place: Workplace,
): Promise<ProjectClosure> {
  const { source, file } = app;
  if (source === 'python' || source === 'node') {
    const asked = { ...request, interpreter: request.project?.interpreter ?? null };
    return source === 'python' ? readPython(file, asked, place) : readNode(file, asked, place);
  }
  const appName = nameApp(source === 'image' ? imageName(file) : file, request);
  return { ...(await readPlain({ source, file }, appName, request, place)), appName };
}

async function readPlain(
  { source, file }: LocatedApp & { readonly source: Exclude<ClosureSource, 'python' | 'node'> },
  { name, appVersion }: AppName,
  request: SourceRequest,
  place: Workplace,
): Promise<SourceClosure> {
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
      return { ...(await readNix(program, place)), ...noSourceSettings };
    }
    case 'program':
      if (entrypoint !== undefined) throw unexpectedEntrypoint(file);
      report(`reading ${file} as a program of this machine`, place);
      return {
        ...(await readProgram(file, { name: storeName, extra: request.extra }, place)),
        ...noSourceSettings,
      };
    case 'directory':
      if (entrypoint === undefined) throw requiredEntrypoint(file);
      report(`reading ${file} as a directory, entrypoint ${entrypoint}`, place);
      if (!request.app.startsWith('dir:')) await reportUninstalled(file, place);
      return { ...(await readDirectory(file, { entrypoint, name: storeName }, place)), ...noSourceSettings };
    case 'image':
      if (entrypoint !== undefined) throw unexpectedEntrypoint(file);
      report(`reading ${file} as an OCI image`, place);
      return readImage(file, { name: storeName }, place);
  }
}

function report(message: string, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message });
}

function unexpectedEntrypoint(file: string): SaddlebagError {
  return new SaddlebagError('entrypoint-unexpected', `cannot bundle ${file}: it says itself what it starts`, {
    hint: 'leave --entrypoint out; it is for directories and Nix builds',
    exitCode: exitCodes.usage,
  });
}

function requiredEntrypoint(file: string): SaddlebagError {
  return new SaddlebagError('entrypoint-required', `cannot bundle ${file}: it is a directory`, {
    hint: 'name the program inside it with --entrypoint',
    exitCode: exitCodes.usage,
  });
}
