import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findOnPath } from '../../../bundler/closure/locate.ts';
import { configFileName } from '../../config/find.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import type { CommandResult } from '../result.ts';
import { type DetectedProject, detectProject, namedProject, whyNotYet } from './detect.ts';
import { localFolder, renderFirstConfig } from './render.ts';

/**
 * Runs `saddlebag init`: writes a first saddlebag.hcl into the working directory, never over one that is there, and says
 * what to do next. Prints the file's path.
 * @throws {SaddlebagError} `output-exists`, `project-unknown`; what `writeAtomically` throws
 */
export async function runInit(
  input: {
    /** What to bundle, as `bundle` takes it; found out where it is not given. */
    readonly app?: string | undefined;
  },
  context: Context,
): Promise<CommandResult> {
  const file = join(context.cwd, configFileName);
  if ((await lstat(file).catch(() => undefined)) !== undefined) {
    throw new SaddlebagError('output-exists', `cannot write ${file}: it exists already`, {
      hint: 'edit it; `saddlebag config` prints what it says',
    });
  }
  const project = input.app === undefined ? await detect(context.cwd) : await named(input.app, context);
  const store = storeOf(context);
  const text = renderFirstConfig(project, store);
  await writeAtomically(file, { force: false, mode: 0o644 }, (handle) => handle.writeFile(text));
  for (const message of nextSteps(project, store)) {
    context.reporter.report({ kind: 'step', stage: 'init', message });
  }
  return { text: file, json: { version: 1, file, ...project }, exitCode: exitCodes.done };
}

async function detect(directory: string): Promise<DetectedProject> {
  const project = await detectProject(directory);
  const notYet = await whyNotYet(directory, project);
  if (project !== null && notYet === null) return project;
  throw unknownProject(
    `cannot tell what ${directory} is: ${notYet?.reason ?? 'no project, image or single program'}`,
    notYet?.hint ?? 'name what to bundle: saddlebag init ./server.js, .#app, program:nginx, ./web.tar',
  );
}

/** Takes what the user names; a path has to lead somewhere, since `bundle` would only say so later. */
async function named(app: string, { cwd, env }: Pick<Context, 'cwd' | 'env'>): Promise<DetectedProject> {
  const isPath = /^[^:#]*$/.test(app);
  const isThere = (await lstat(resolve(cwd, app)).catch(() => undefined)) !== undefined;
  const isProgram = !app.includes('/') && (await findOnPath(app, env)) !== undefined;
  if (!isPath || isThere || isProgram) return namedProject(app);
  throw unknownProject(
    `cannot find ${resolve(cwd, app)}: no such file or directory`,
    'name a path from here, a program of PATH, or what Nix builds: saddlebag init .#app',
  );
}

function unknownProject(message: string, hint: string): SaddlebagError {
  return new SaddlebagError('project-unknown', message, { hint, exitCode: exitCodes.usage });
}

/** The store that the user has already, if it can stand in a file. */
function storeOf({ env }: Pick<Context, 'env'>): string | null {
  const store = env.SADDLEBAG_STORE ?? '';
  return store.startsWith('s3://') && !store.includes('@') ? store : null;
}

function nextSteps({ found, name }: DetectedProject, store: string | null): readonly string[] {
  return [
    `${found}: app "${name}"`,
    'next: look through the file, then',
    ...(store === null ? [`  mkdir -p ${localFolder} && saddlebag serve ${localFolder} &`] : []),
    '  saddlebag up --plan',
    '  saddlebag up',
    ...(store === null ? ['what lies in .saddlebag is no part of the project: add it to .gitignore'] : []),
  ];
}
