import { readFile, stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';
import { checkSettings } from './check.ts';
import { parseDocument } from './document.ts';
import { configFileName, findConfigFile } from './find.ts';
import { type ConfigProblem, configRefused, describeProblems } from './problems.ts';
import { configSchema } from './schema.ts';
import { secretProblems } from './secrets.ts';
import { type BodySetting, emptyBody, lineOf, type Setting } from './setting.ts';

/** A saddlebag.hcl that was read and whose form is right. What its jobs say is checked where they are made. */
export interface Project {
  /** Absolute. */
  readonly file: string;
  /** As people know it from where they are: `saddlebag.hcl`, `../saddlebag.hcl`. */
  readonly shownFile: string;
  /** Absolute; paths in the file are relative to it. */
  readonly directory: string;
  readonly stores: ReadonlyMap<string, BodySetting>;
  /** In the order of the file. */
  readonly apps: ReadonlyMap<string, BodySetting>;
}

/** No saddlebag.hcl is larger; a file that is was named by mistake. */
const limitBytes = 1 << 18;

/**
 * Finds more that is wrong with a project: lines like `saddlebag.hcl:12: app.web.deploy.memory: expected …`. The project
 * may have problems that are told already, and throw nothing for them.
 */
export type ProjectCheck = (project: Project) => Promise<readonly string[]>;

/**
 * Finds and reads the project's saddlebag.hcl: the one that `named` or SADDLEBAG_CONFIG names, else the nearest from the
 * working directory up to the root of the repository. What `check` finds is told together with what is found here.
 * @throws {SaddlebagError} `config-missing`, `config-unreadable`, `config-untrusted`; `config-invalid` with every problem at once
 */
export async function readProject(
  named: string | undefined,
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
  check: ProjectCheck = async () => [],
): Promise<Project> {
  const wanted = named ?? (env.SADDLEBAG_CONFIG === '' ? undefined : env.SADDLEBAG_CONFIG);
  const file = wanted === undefined ? await findConfigFile(cwd) : resolve(cwd, wanted);
  if (file === undefined) throw missing(cwd);
  const shownFile = relative(cwd, file);
  const text = await readText(file);
  const { settings, problems, isWhole } = await parseDocument(text);
  // What a broken file seems to say would give problems that nobody has.
  if (!isWhole) throw configRefused(shownFile, describeProblems(shownFile, problems));
  const project: Project = {
    file,
    shownFile,
    directory: dirname(file),
    stores: labelled(settings, 'store'),
    apps: labelled(settings, 'app'),
  };
  const told = describeProblems(shownFile, [...problems, ...contentProblems(settings)]);
  const further = (await check(project)).filter((line) => !told.some((other) => isBelow(line, other)));
  if (told.length + further.length > 0) throw configRefused(shownFile, [...told, ...further]);
  return project;
}

/** Tells whether a problem is of the same setting as another, or of one inside it. */
function isBelow(line: string, other: string): boolean {
  const [place, otherPlace] = [line, other].map((each) => /^.*?:\d+: [^:]*/.exec(each)?.[0] ?? each);
  return place === otherPlace || place?.startsWith(`${otherPlace}.`) === true;
}

function contentProblems(settings: BodySetting): readonly ConfigProblem[] {
  return [
    ...checkSettings(settings, configSchema),
    ...storeProblems(settings),
    ...secretProblems(labelled(settings, 'app')),
  ];
}

/** Names of stores must be those of the file. */
function storeProblems(settings: BodySetting): ConfigProblem[] {
  const known = [...labelled(settings, 'store').keys()];
  const problems: ConfigProblem[] = [];
  const check = (path: string, store: Setting | undefined) => {
    if (store?.kind !== 'value' || store.value === null || known.includes(String(store.value))) return;
    const line = lineOf(store);
    const expected = known.length === 0 ? 'no store is defined' : `expected ${known.join(' or ')}`;
    problems.push({ line, message: `${path}: ${expected}, got "${store.value}"` });
  };
  for (const [name, app] of labelled(settings, 'app')) {
    check(`app.${name}.store`, app.fields.get('store'));
    for (const [environment, body] of labelled(app, 'environment')) {
      check(`app.${name}.environment.${environment}.store`, body.fields.get('store'));
    }
  }
  return problems;
}

/** Returns the blocks of one type by label, in the order of the file. */
export function labelled(body: BodySetting, type: string): ReadonlyMap<string, BodySetting> {
  const blocks = body.fields.get(type) ?? emptyBody;
  if (blocks.kind !== 'body') return new Map();
  return new Map(
    [...blocks.fields].flatMap(([label, each]) => (each.kind === 'body' ? [[label, each]] : [])),
  );
}

function missing(cwd: string): SaddlebagError {
  return new SaddlebagError(
    'config-missing',
    `cannot find ${configFileName}: neither in ${cwd} nor above it, up to the root of the repository`,
    { hint: 'write one with `saddlebag init`, or name one with --config FILE', exitCode: exitCodes.usage },
  );
}

async function readText(file: string): Promise<string> {
  const refused = (reason: string, cause?: unknown) =>
    new SaddlebagError('config-unreadable', `cannot read ${file}: ${reason}`, {
      hint: `give --config the path of a ${configFileName}`,
      exitCode: exitCodes.usage,
      cause,
    });
  try {
    const { size } = await stat(file);
    if (size > limitBytes) throw refused('it is larger than 256 kB');
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw cause instanceof SaddlebagError ? cause : refused(describeCause(cause), cause);
  }
}
