import { readJobFile } from '../../../deploy/job-file/job-file.ts';
import { type AppInForce, appInForce, textOf } from '../../config/in-force.ts';
import { labelled, type Project } from '../../config/project.ts';
import type { Setting } from '../../config/setting.ts';
import type { Context } from '../../core/context.ts';
import { SaddlebagError } from '../../core/errors.ts';
import { parseBaseUrl } from '../../publish/destination.ts';
import { parseTimeout } from '../nomad-session.ts';
import { parsePublishSettings } from '../publish/publish-settings.ts';
import { readDestination } from '../stores.ts';
import { publishFlags } from './app-flags.ts';
import { jobProblems } from './job-tree.ts';

/** Which apps are looked at; those that the file does not have are somebody else's problem. */
export interface WantedApps {
  /** All where it is empty. */
  readonly apps: readonly string[];
  readonly environment: string | null;
}

/**
 * Lists what is wrong with apps of a project and what no bundle can make right: settings of the job, of the store, a job
 * file that is not there or not whole.
 */
export async function appProblems(
  project: Project,
  { apps, environment }: WantedApps,
  { env }: Pick<Context, 'env'>,
): Promise<readonly string[]> {
  const found = [...project.apps].flatMap(([name, settings]) => {
    const isWanted = apps.length === 0 || apps.includes(name);
    const isThere = environment === null || labelled(settings, 'environment').has(environment);
    return isWanted && isThere ? [appInForce(project, { app: name, environment }, env)] : [];
  });
  const problems = found.map(async (app) => [
    ...jobProblems(app, project),
    ...(await storeProblems(app, project, env)),
    ...(await timeoutProblems(app, project)),
    ...(await jobFileProblems(app, project)),
  ]);
  return (await Promise.all(problems)).flat();
}

/** The same for every app in every environment. */
export async function everyAppProblem(
  project: Project,
  context: Pick<Context, 'env'>,
): Promise<readonly string[]> {
  const environments = [...project.apps.values()].flatMap((app) => [...labelled(app, 'environment').keys()]);
  const each = [null, ...new Set(environments)].map((environment) =>
    appProblems(project, { apps: [], environment }, context),
  );
  return (await Promise.all(each)).flat();
}

async function storeProblems(
  app: AppInForce,
  project: Project,
  env: Context['env'],
): Promise<readonly string[]> {
  if (app.store === null) return unchosenStore(app, project, env);
  const { fields } = app.store.settings;
  const flags = publishFlags(app, {});
  const told = (name: string, parse: Parser) => refusals(project, fields.get(name), parse);
  const problems = await Promise.all([
    told('to', () => readDestination(flags.to, flags, { cwd: project.directory, env: {} })),
    told('endpoint', (text) => parseBaseUrl(text, 'endpoint')),
    told('download_url', (text) => parseBaseUrl(text, 'download_url')),
    told('object_lock', (objectLock) => parsePublishSettings({ objectLock }, new Date())),
    told('sse_kms_key_id', (sseKmsKeyId) =>
      parsePublishSettings({ sse: flags.sse, sseKmsKeyId }, new Date()),
    ),
    told('labels', () => parsePublishSettings({ label: flags.label }, new Date())),
  ]);
  return problems.flat();
}

/** Of several stores none is a guess; without any, `up` says what is missing. */
function unchosenStore({ name, own }: AppInForce, project: Project, env: Context['env']): readonly string[] {
  const [first, ...others] = project.stores.keys();
  const app = project.apps.get(name);
  const isNamed = own.fields.has('store') || (env.SADDLEBAG_STORE ?? '') !== '';
  if (first === undefined || others.length === 0 || app === undefined || isNamed) return [];
  return [
    `${placeOf(project, app)}: it names none of the stores: store = "${first}" or "${others.join('" or "')}"`,
  ];
}

async function timeoutProblems({ deploy }: AppInForce, project: Project): Promise<readonly string[]> {
  const setting = deploy.fields.get('timeout');
  const refused = await refusals(project, setting, (text) => parseTimeout(text, 'wait'));
  if (setting === undefined || refused.length === 0) return [];
  return [`${placeOf(project, setting)}: expected a duration like 5m, up to 500h`];
}

async function jobFileProblems({ own }: AppInForce, project: Project): Promise<readonly string[]> {
  const file = textOf(own, 'job_file');
  if (file === undefined) return [];
  return refusals(project, own.fields.get('job_file'), () => readJobFile(file, project.directory));
}

/** Takes a setting's text, empty where it is none, and throws where that will not do. */
type Parser = (text: string) => unknown;

/** Asks a parser, which may be that of a flag, what it thinks of a setting. */
async function refusals(
  project: Project,
  setting: Setting | undefined,
  parse: Parser,
): Promise<readonly string[]> {
  if (setting === undefined) return [];
  try {
    await parse(setting.kind === 'value' ? String(setting.value) : '');
    return [];
  } catch (cause) {
    if (!(cause instanceof SaddlebagError)) throw cause;
    return [`${placeOf(project, setting)}: ${cause.message}`];
  }
}

function placeOf({ shownFile }: Project, { from }: Setting): string {
  if (from.kind === 'file') return `${shownFile}:${from.line}: ${from.path.join('.')}`;
  return from.kind === 'environment' ? from.variable : shownFile;
}
