import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { labelled, type Project } from './project.ts';
import { type BlockSchema, configSchema } from './schema.ts';
import {
  type BodySetting,
  emptyBody,
  overlay,
  overlayBody,
  type Setting,
  valueFrom,
  without,
} from './setting.ts';

/** An app with what holds for it in one environment: the file, over it the environment's variables. */
export interface AppInForce {
  readonly name: string;
  /** Null without `-e`. */
  readonly environment: string | null;
  readonly bundle: BodySetting;
  readonly deploy: BodySetting;
  /** In the order of the file. */
  readonly processes: ReadonlyMap<string, BodySetting>;
  /** Null where the file has none, or several of which none is named. */
  readonly store: { readonly name: string; readonly settings: BodySetting } | null;
  /** `confirm` and `job_file`, as far as they are said. */
  readonly own: BodySetting;
}

/**
 * Returns an app as it is in an environment.
 * @throws {SaddlebagError} `app-unknown`, `environment-unknown`
 */
export function appInForce(
  project: Project,
  wanted: { readonly app: string; readonly environment: string | null },
  env: Readonly<Record<string, string | undefined>>,
): AppInForce {
  const app = project.apps.get(wanted.app);
  if (app === undefined) throw unknownName(project, 'app', wanted.app, [...project.apps.keys()]);
  const over = environmentOf(project, wanted, app);
  const processes = new Map<string, BodySetting>(labelled(app, 'process'));
  for (const [name, settings] of labelled(over, 'process')) {
    processes.set(name, overlayBody(processes.get(name) ?? emptyBody, settings));
  }
  const own = overlayBody(
    without(app, ['bundle', 'deploy', 'process', 'environment', 'not_secret']),
    without(over, ['deploy', 'process']),
  );
  const deploy = overlayBody(bodyOf(app, 'deploy'), bodyOf(over, 'deploy'));
  const schema = configSchema.blocks.app?.blocks.deploy;
  return {
    name: wanted.app,
    environment: wanted.environment,
    bundle: bodyOf(app, 'bundle'),
    deploy: schema === undefined ? deploy : withEnvironment(deploy, schema, env),
    processes,
    store: storeOf(project, own, env),
    own,
  };
}

function environmentOf(
  project: Project,
  { app, environment }: { readonly app: string; readonly environment: string | null },
  settings: BodySetting,
): BodySetting {
  if (environment === null) return emptyBody;
  const environments = labelled(settings, 'environment');
  const found = environments.get(environment);
  if (found !== undefined) return found;
  throw unknownName(project, `environment of ${app}`, environment, [...environments.keys()]);
}

function unknownName(
  { shownFile }: Project,
  kind: string,
  name: string,
  known: readonly string[],
): SaddlebagError {
  const near = nearest(name, known);
  const others = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
  return new SaddlebagError(
    kind === 'app' ? 'app-unknown' : 'environment-unknown',
    `cannot find ${kind} "${name}" in ${shownFile}: ${others}`,
    {
      hint:
        near === undefined
          ? `write ${kind === 'app' ? 'app' : 'environment'} "${name}" { … } into ${shownFile}`
          : `did you mean ${near}?`,
      exitCode: exitCodes.usage,
    },
  );
}

function storeOf(
  { stores }: Project,
  own: BodySetting,
  env: Readonly<Record<string, string | undefined>>,
): AppInForce['store'] {
  const named = textOf(own, 'store');
  const name = named ?? (stores.size === 1 ? [...stores.keys()][0] : undefined);
  const settings = name === undefined ? undefined : stores.get(name);
  const schema = configSchema.blocks.store;
  if (name === undefined || settings === undefined || schema === undefined) return null;
  const isBucket = /^s3:\/\//i.test(textOf(settings, 'to') ?? '');
  return { name, settings: withEnvironment(settings, schema, isBucket ? env : withoutAws(env)) };
}

/** Variables of AWS tools say nothing of a folder. */
function withoutAws(env: Readonly<Record<string, string | undefined>>): typeof env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_')));
}

/** Lays the variables that go before the file over its settings. */
function withEnvironment(
  body: BodySetting,
  { keys }: BlockSchema,
  env: Readonly<Record<string, string | undefined>>,
): BodySetting {
  const fields = new Map(body.fields);
  for (const [name, { environment = [] }] of Object.entries(keys)) {
    const variable = environment.find((each) => (env[each] ?? '') !== '');
    if (variable === undefined) continue;
    const value = valueFrom(env[variable] ?? '', { kind: 'environment', variable });
    fields.set(name, overlay(fields.get(name), value));
  }
  return { ...body, fields };
}

function bodyOf(body: BodySetting, name: string): BodySetting {
  const found = body.fields.get(name);
  return found?.kind === 'body' ? found : emptyBody;
}

/** Returns a text of a body; undefined where it says nothing. */
export function textOf(body: BodySetting, name: string): string | undefined {
  const setting: Setting | undefined = body.fields.get(name);
  return setting?.kind === 'value' && setting.value !== null ? String(setting.value) : undefined;
}

/** Returns a list of texts of a body; undefined where it says nothing. */
export function textsOf(body: BodySetting, name: string): readonly string[] | undefined {
  const setting = body.fields.get(name);
  if (setting?.kind !== 'list') return undefined;
  return setting.items.flatMap((item) => (item.kind === 'value' ? [String(item.value)] : []));
}

/** Returns texts by name of a body; undefined where it says nothing. */
export function mapOf(body: BodySetting, name: string): Readonly<Record<string, string>> | undefined {
  const setting = body.fields.get(name);
  if (setting?.kind !== 'body') return undefined;
  return Object.fromEntries(
    [...setting.fields].flatMap(([key, value]) =>
      value.kind === 'value' && value.value !== null ? [[key, String(value.value)]] : [],
    ),
  );
}

/** Returns a flag of a body; undefined where it says nothing. */
export function flagOf(body: BodySetting, name: string): boolean | undefined {
  const setting = body.fields.get(name);
  return setting?.kind === 'value' && typeof setting.value === 'boolean' ? setting.value : undefined;
}
