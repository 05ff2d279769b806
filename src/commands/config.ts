import { type AppInForce, appInForce } from '../config/in-force.ts';
import { type Project, readProject } from '../config/project.ts';
import { type BlockSchema, configSchema } from '../config/schema.ts';
import { type BodySetting, type Leaf, leavesOf, type Origin, valueFrom } from '../config/setting.ts';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { looksSecret } from '../core/secret-names.ts';
import type { CommandResult } from './result.ts';
import { everyAppProblem } from './up/app-problems.ts';
import { jobDefaults } from './up/job-defaults.ts';

/** The flags that say which file and what of it. */
export interface ProjectFlags {
  /** A saddlebag.hcl; SADDLEBAG_CONFIG, else the nearest one, otherwise. */
  readonly config?: string | undefined;
  /** Name of an environment; SADDLEBAG_ENVIRONMENT otherwise. */
  readonly environment?: string | undefined;
}

/**
 * Runs `saddlebag config`: prints what is in force for one app or all, and where each value came from. Values of
 * variables that are called like secrets are not shown.
 * @throws {SaddlebagError} what `readProject` and `appInForce` throw; `config-invalid` for a job of any environment
 */
export async function runConfig(
  input: { readonly app?: string | undefined; readonly flags: ProjectFlags },
  context: Context,
): Promise<CommandResult> {
  // Who asks what is in force wants to know of mistakes before they matter.
  const project = await readProject(input.flags.config, context, (read) => everyAppProblem(read, context));
  const environment = environmentOf(input.flags, context);
  const apps = chosenApps(project, input.app === undefined ? [] : [input.app]).map((app) =>
    appInForce(project, { app, environment }, context.env),
  );
  const described = apps.map((app) => ({ app, settings: settingsOf(app, project) }));
  const text = described.map(({ app, settings }) => renderApp(app, settings, project)).join('\n');
  const json = {
    version: 1,
    file: project.file,
    environment,
    apps: described.map(({ app, settings }) => ({
      name: app.name,
      settings: settings.map(({ path, value, from }) => ({ path: path.join('.'), value, from })),
    })),
  };
  return { text, json, exitCode: exitCodes.done };
}

/** Returns the environment that is meant: by `-e`, else by SADDLEBAG_ENVIRONMENT, else none. */
export function environmentOf(flags: ProjectFlags, { env }: Pick<Context, 'env'>): string | null {
  return flags.environment ?? (env.SADDLEBAG_ENVIRONMENT || null);
}

/** Returns the apps that were named, in their order; all of the file where none was. */
export function chosenApps(project: Project, named: readonly string[]): readonly string[] {
  return named.length > 0 ? [...new Set(named)] : [...project.apps.keys()];
}

function settingsOf(app: AppInForce, project: Project): readonly Leaf[] {
  const blocks = configSchema.blocks.app?.blocks;
  const store = app.store;
  const leaves = [
    ...(store === null ? [] : leavesOf(store.settings, ['store', store.name])),
    ...leavesOf(withDefaults(app.bundle, blocks?.bundle), ['bundle']),
    ...leavesOf(withDefaults(app.deploy, blocks?.deploy), ['deploy']),
    ...jobDefaults(app, project).map((leaf) => ({ ...leaf, path: ['deploy', ...leaf.path] })),
    ...[...app.processes].flatMap(([name, process]) =>
      leavesOf(withDefaults(process, blocks?.process), ['process', name]),
    ),
    ...leavesOf(withDefaults(app.own, blocks?.environment)),
  ];
  return leaves.filter(({ value }) => value !== null).map(withoutSecret);
}

/** Adds what holds where nothing is said. */
function withDefaults(body: BodySetting, schema: BlockSchema | undefined): BodySetting {
  const fields = new Map(body.fields);
  for (const [name, { byDefault }] of Object.entries(schema?.keys ?? {})) {
    if (byDefault !== undefined && !fields.has(name))
      fields.set(name, valueFrom(byDefault, { kind: 'default' }));
  }
  return { ...body, fields };
}

function withoutSecret(leaf: Leaf): Leaf {
  const isSecret = leaf.path.at(-2) === 'env' && looksSecret(leaf.path.at(-1) ?? '');
  if (isSecret) return { ...leaf, value: '[secret]' };
  // A password in a URL, which is refused where the URL is used.
  const { value } = leaf;
  return typeof value === 'string' ? { ...leaf, value: value.replace(/\/\/[^/@\s]*@/, '//…@') } : leaf;
}

function renderApp(app: AppInForce, settings: readonly Leaf[], project: Project): string {
  const title =
    app.environment === null ? `app ${app.name}` : `app ${app.name}, environment ${app.environment}`;
  const rows = settings.map(({ path, value, from }) => [
    path.join('.'),
    show(value),
    showOrigin(from, project),
  ]);
  const [first = 0, second = 0] = [0, 1].map((column) =>
    Math.max(...rows.map((row) => Math.min(row[column]?.length ?? 0, column === 0 ? 60 : 50))),
  );
  const lines = rows.map(([path = '', value = '', from = '']) =>
    `  ${path.padEnd(first)}  ${value.padEnd(second)}  ${from}`.trimEnd(),
  );
  return [title, ...lines, ''].join('\n');
}

function show(value: Leaf['value']): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

function showOrigin(from: Origin, { shownFile }: Project): string {
  if (from.kind === 'file') return `${shownFile}:${from.line}`;
  if (from.kind === 'environment') return from.variable;
  return from.kind === 'flag' ? from.flag : 'default';
}
