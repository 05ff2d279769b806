import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { Bind, Closure, ClosureSource, EnvSetting } from '../../src/core/types.ts';
import { addData } from './data/data.ts';
import type { DataRequest } from './data/kinds.ts';
import { readDirectory } from './directory.ts';
import { excludeFiles } from './exclude.ts';
import { addExtra, type ExtraFiles } from './extra.ts';
import { addHelpers } from './helpers.ts';
import { imageName } from './image/detect.ts';
import { readImage } from './image/image.ts';
import { type Inclusions, joinInclusions, readInclusions } from './include.ts';
import { type LocatedApp, locateApp } from './locate.ts';
import { type AppName, nameApp } from './naming.ts';
import { readNixApp } from './nix/app.ts';
import { build, buildOf } from './nix/build.ts';
import { type NixRequest, type NixTarget, nixTarget } from './nix/target.ts';
import { readNode } from './node/node.ts';
import { readProgram } from './program.ts';
import { noSourceSettings, type SourceClosure } from './program-closure.ts';
import { namePrograms, type ProgramsRequest } from './programs.ts';
import type { ProjectKind } from './project/kinds.ts';
import type { ProjectClosure } from './project/project-closure.ts';
import { reportUninstalled } from './project/uninstalled.ts';
import { readPython } from './python/python.ts';
import { traceCommand } from './trace.ts';
import { sortTraced } from './traced.ts';
import type { Workplace } from './workplace.ts';

/** What the user asks to be bundled. */
export interface ClosureRequest {
  /**
   * A path, a name on PATH or what Nix can build; `nix:`, `program:`, `dir:` or `image:` before it force how it is read.
   * May be left out where `nix` says what to build.
   */
  readonly app?: string;
  readonly nix?: NixRequest;
  /** The file that tells a Nix closure, where Nix itself can't be asked. */
  readonly storePaths?: string;
  /** Further programs that the bundle answers as, by the name under which it is called. */
  readonly programs?: ProgramsRequest;
  /** The program to start, inside a directory or a Nix build. */
  readonly entrypoint?: string;
  readonly name?: string;
  readonly appVersion?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the app starts; the source's own choice otherwise. */
  readonly workingDirectory?: string;
  /** They come before those of the source, and stand in for one of the same target. */
  readonly binds?: readonly Bind[];
  /** Whether the app runs under a small init as PID 1. */
  readonly init?: boolean;
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
 *   `entrypoint-unexpected`, `app-required`, `flags-conflict`, what the source throws, and as `excludeFiles`
 */
export async function readClosure(
  request: ClosureRequest,
  workDirectory: string,
  context: Context,
): Promise<Closure> {
  const place = { context, workDirectory };
  const app = await locate(request, context);
  const closure = await makeClosure(app, await readWhole(app, request, place), request);
  const whole = await addData(closure, request.data ?? { with: [], without: [] }, place);
  return excludeFiles(whole, request.exclude ?? [], place);
}

async function makeClosure(
  { source }: AskedApp,
  found: ProjectClosure,
  request: ClosureRequest,
): Promise<Closure> {
  return {
    source,
    ...found.appName,
    arch: found.arch,
    entrypoint: {
      program: found.program,
      args: [...found.args, ...request.args],
      defaultArgs: found.defaultArgs,
      env: withDefaults(request.env, found),
      workingDirectory: request.workingDirectory ?? found.workingDirectory,
      init: request.init ?? false,
      ownName: found.ownName,
      interpreter: found.interpreter,
    },
    programs: [...found.programs, ...(await namePrograms(request.programs, found))],
    binds: withOwn(request.binds ?? [], found.binds),
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

/** What `<app>` and the flags stand for: what is there, or what Nix is to build first. */
type AskedApp = LocatedApp | { readonly source: 'nix'; readonly target: NixTarget };

async function locate(request: ClosureRequest, context: Context): Promise<AskedApp> {
  const { app, entrypoint, project, storePaths } = request;
  const target = await nixTarget(app, request.nix ?? {}, context);
  if (target !== null) {
    if (project !== undefined) throw conflict(`cannot read ${target.asked} as a project: Nix builds it`);
    if (storePaths === undefined) return { source: 'nix', target };
    throw conflict(`cannot take --store-paths for ${target.asked}: Nix itself says what it builds`);
  }
  if (app === undefined) {
    throw new SaddlebagError('app-required', 'cannot bundle nothing: no app was given', {
      hint: 'name a file, a directory or a flake (.#app), or an attribute with -A',
      exitCode: exitCodes.usage,
    });
  }
  const located = await locateApp(app, context, {
    ...(project === undefined ? {} : { project: project.kind }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
  });
  if (storePaths === undefined || located.source === 'nix') return located;
  throw conflict(`cannot take --store-paths for ${app}: it is not in the Nix store`);
}

function conflict(message: string): SaddlebagError {
  return new SaddlebagError('flags-conflict', message, {
    hint: 'leave one of them out',
    exitCode: exitCodes.usage,
  });
}

function withOwn(asked: readonly Bind[], found: readonly Bind[]): readonly Bind[] {
  const targets = new Set(asked.map(({ target }) => target));
  return [...asked, ...found.filter(({ target }) => !targets.has(target))];
}

/** Reads the app, and adds what the request includes. */
async function readWhole(app: AskedApp, request: ClosureRequest, place: Workplace): Promise<ProjectClosure> {
  const { helpers, extra } = await readAllInclusions(app, request, place);
  const found = await readSource(app, { ...request, extra }, place);
  // A program's extra files are linked with it; those of other apps stand beside it.
  const whole =
    app.source === 'program' ? found : await addExtra(found, { extra, name: found.appName.name }, place);
  return addHelpers(whole, helpers, place);
}

async function readAllInclusions(
  located: AskedApp,
  { include, trace, entrypoint }: ClosureRequest,
  place: Workplace,
): Promise<Inclusions> {
  const asked = await readInclusions(include ?? [], place.context);
  if (trace === undefined) return asked;
  if ('target' in located) throw conflict(`cannot trace ${located.target.asked}: it is not built yet`);
  const { source, file } = located;
  const app = source === 'directory' && entrypoint !== undefined ? join(file, entrypoint) : file;
  const seen = await sortTraced(await traceCommand(trace, app, place), place.context);
  return joinInclusions(asked, seen);
}

/** A request whose inclusions were looked up. */
type SourceRequest = ClosureRequest & { readonly extra: ExtraFiles };

async function readSource(app: AskedApp, request: SourceRequest, place: Workplace): Promise<ProjectClosure> {
  if ('target' in app) return readNixApp(await build(app.target, place), request, place);
  const { source, file } = app;
  if (source === 'nix') return readNixApp(await buildOf(file), request, place);
  if (source === 'python' || source === 'node') {
    const asked = { ...request, interpreter: request.project?.interpreter ?? null };
    return source === 'python' ? readPython(file, asked, place) : readNode(file, asked, place);
  }
  const appName = nameApp(source === 'image' ? imageName(file) : file, request);
  return { ...(await readPlain({ source, file }, appName, request, place)), appName };
}

async function readPlain(
  { source, file }: LocatedApp & { readonly source: Exclude<ClosureSource, 'nix' | 'python' | 'node'> },
  { name, appVersion }: AppName,
  request: SourceRequest,
  place: Workplace,
): Promise<SourceClosure> {
  const { entrypoint } = request;
  const storeName = appVersion === '' ? name : `${name}-${appVersion}`;
  switch (source) {
    case 'program':
      if (entrypoint !== undefined) throw unexpectedEntrypoint(file);
      report(`reading ${file} as a program of this machine`, place);
      return {
        ...(await readProgram(file, { name: storeName, extra: request.extra }, place)),
        ...noSourceSettings,
      };
    case 'directory':
      if (entrypoint === undefined) throw await requiredEntrypoint(file);
      report(`reading ${file} as a directory, entrypoint ${entrypoint}`, place);
      if (request.app?.startsWith('dir:') !== true) await reportUninstalled(file, place);
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

async function requiredEntrypoint(file: string): Promise<SaddlebagError> {
  const names: readonly string[] = await readdir(file).catch(() => []);
  const nix = ['flake.nix', 'default.nix'].find((name) => names.includes(name));
  return new SaddlebagError('entrypoint-required', `cannot bundle ${file}: it is a directory`, {
    hint: `name the program inside it with --entrypoint${nix === undefined ? '' : `; what its ${nix} builds is nix:${file}`}`,
    exitCode: exitCodes.usage,
  });
}
