import { readFile, stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, SaddlebagError } from '../core/errors.ts';
import { checkSettings } from './check.ts';
import { parseDocument } from './document.ts';
import { configFileName, findConfigFile } from './find.ts';
import { type ConfigProblem, configInvalid } from './problems.ts';
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
const limitBytes = 1 << 20;

/**
 * Finds and reads the project's saddlebag.hcl: the one that `named` or SADDLEBAG_CONFIG names, else the nearest from the
 * working directory up to the root of the repository.
 * @throws {SaddlebagError} `config-missing`, `config-unreadable`; `config-invalid` with every problem at once
 */
export async function readProject(
  named: string | undefined,
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
): Promise<Project> {
  const wanted = named ?? (env.SADDLEBAG_CONFIG === '' ? undefined : env.SADDLEBAG_CONFIG);
  const file = wanted === undefined ? await findConfigFile(cwd) : resolve(cwd, wanted);
  if (file === undefined) throw missing(cwd);
  const shownFile = relative(cwd, file);
  const text = await readText(file);
  const { settings, problems, isWhole } = await parseDocument(text);
  // What a broken file seems to say would give problems that nobody has.
  const all = isWhole ? [...problems, ...contentProblems(settings)] : problems;
  if (all.length > 0) throw configInvalid(shownFile, all);
  return {
    file,
    shownFile,
    directory: dirname(file),
    stores: labelled(settings, 'store'),
    apps: labelled(settings, 'app'),
  };
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
    if (size > limitBytes) throw refused('it is larger than 1 MB');
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw cause instanceof SaddlebagError ? cause : refused(describeCause(cause), cause);
  }
}
