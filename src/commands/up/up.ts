import { readConnection } from '../../../deploy/nomad/nomad-connection.ts';
import { type AppInForce, appInForce, flagOf, textOf } from '../../config/in-force.ts';
import { type Project, readProject } from '../../config/project.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, interrupted, SaddlebagError, toldAsInterrupted } from '../../core/errors.ts';
import { chosenApps, environmentOf, type ProjectFlags } from '../config.ts';
import { refuseConflicts } from '../deploy/deploy.ts';
import type { Confirm } from '../nomad-session.ts';
import type { CommandResult } from '../result.ts';
import { appProblems } from './app-problems.ts';
import { type BringUpOptions, type BroughtUp, bringUp } from './bring-up.ts';

/** The flags of `saddlebag up`. */
export interface UpFlags extends ProjectFlags, BringUpOptions {
  /** Do not ask where an environment says `confirm = true`. */
  readonly yes?: boolean | undefined;
}

/**
 * Runs `saddlebag up`: bundles, publishes and deploys the apps of a saddlebag.hcl in their order; the first that fails
 * ends it, and those behind it are left alone. Prints a line for each app; with `--dry-run` their jobs, with `--plan`
 * what would change.
 * @throws {SaddlebagError} what `readProject` and `appInForce` throw; `config-invalid`, `flags-conflict`,
 * `not-confirmed`, `interrupted`; of a single app what `bringUp` throws
 */
export async function runUp(
  input: { readonly apps: readonly string[]; readonly flags: UpFlags; readonly confirm: Confirm },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  refuseConflicts(flags, 'up');
  const environment = environmentOf(flags, context);
  // Before anything is bundled: what no bundle can make right.
  const project = await readProject(flags.config, context, (read) =>
    appProblems(read, { apps: input.apps, environment }, context),
  );
  const apps = chosenApps(project, input.apps).map((app) =>
    appInForce(project, { app, environment }, context.env),
  );
  if (apps.length === 0) throw noApps(project);
  await askFirst(apps, input, context);
  return bringAllUp({ project, apps, flags, confirm: input.confirm }, context);
}

/** What became of one app, for `--json`. */
type Outcome =
  | { readonly name: string; readonly status: 'done'; readonly outcome: BroughtUp }
  | { readonly name: string; readonly status: 'failed'; readonly failure: unknown }
  | { readonly name: string; readonly status: 'not-reached' };

async function bringAllUp(
  {
    project,
    apps,
    flags,
    confirm,
  }: {
    readonly project: Project;
    readonly apps: readonly AppInForce[];
    readonly flags: UpFlags;
    readonly confirm: Confirm;
  },
  context: Context,
): Promise<CommandResult> {
  const outcomes: Outcome[] = [];
  for (const app of apps) {
    const { name } = app;
    if (outcomes.some(({ status }) => status === 'failed')) {
      outcomes.push({ name, status: 'not-reached' });
      continue;
    }
    if (apps.length > 1) context.reporter.report({ kind: 'step', stage: 'up', message: `app ${name}` });
    try {
      outcomes.push({
        name,
        status: 'done',
        outcome: await bringUp({ project, app, options: flags, confirm }, context),
      });
    } catch (cause) {
      const failure = context.signal.aborted ? toldAsInterrupted(`bringing up ${name}`, cause) : cause;
      if (apps.length === 1) throw failure;
      outcomes.push({ name, status: 'failed', failure });
    }
  }
  return resultOf(outcomes, { environment: apps[0]?.environment ?? null, flags });
}

function resultOf(
  outcomes: readonly Outcome[],
  { environment, flags }: { readonly environment: string | null; readonly flags: UpFlags },
): CommandResult {
  const failed = outcomes.find((each) => each.status === 'failed');
  const isDocument = flags.dryRun === true || flags.plan === true;
  const lines = outcomes.map((each) => {
    if (each.status === 'done') {
      const { text } = each.outcome.deployed;
      return isDocument || outcomes.length === 1 ? text : `${each.name} ${text}`;
    }
    return isDocument ? '' : `${each.name} ${each.status}`;
  });
  const failure = failed?.failure;
  const exitCode = failure instanceof SaddlebagError ? failure.exitCode : exitCodes.failed;
  const summaries = outcomes.flatMap((each) =>
    each.status === 'done' ? (each.outcome.deployed.summary ?? []) : [],
  );
  return {
    ...(summaries.length === 0 ? {} : { summary: summaries.join('\n\n') }),
    text: lines.filter((line) => line !== '').join(isDocument ? '\n\n' : '\n'),
    json: { version: 1, environment, apps: outcomes.map(describe) },
    exitCode: failed === undefined ? exitCodes.done : exitCode,
    ...(failed === undefined ? {} : { failure: failed.failure }),
  };
}

function describe(outcome: Outcome): unknown {
  const { name, status } = outcome;
  if (status === 'not-reached') return { name, status };
  if (status === 'failed') {
    const { failure } = outcome;
    return { name, status, error: describeFailure(failure) };
  }
  const { bundle, artifact, deployed } = outcome.outcome;
  return { name, status, closureSha256: bundle.closureSha256, artifact, deploy: deployed.json };
}

/** The shape of an error on stderr, whose stack stands there. */
function describeFailure(failure: unknown): unknown {
  if (!(failure instanceof SaddlebagError)) return { code: 'bug', message: String(failure), hint: null };
  const { code, message, hint = null } = failure;
  return { code, message, hint };
}

/** Asks once for all apps that want to be asked for, before anything is bundled, published or changed. */
async function askFirst(
  apps: readonly AppInForce[],
  { flags, confirm }: { readonly flags: UpFlags; readonly confirm: Confirm },
  { env, signal }: Context,
): Promise<void> {
  const wanted = apps.filter(({ own }) => flagOf(own, 'confirm') === true);
  const [first] = wanted;
  if (first === undefined || flags.yes === true || flags.dryRun === true || flags.plan === true) return;
  const { address } = await readConnection(env, { address: textOf(first.deploy, 'address') });
  const names = wanted.map(({ name }) => name).join(', ');
  const where = first.environment === null ? address : `${first.environment} (${address})`;
  const answer = confirm?.(`deploy ${names} to ${where}?`, signal).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
    throw interrupted(`asking whether to deploy ${names}`, 'nothing was changed', 'run it again');
  });
  if (await answer) return;
  throw new SaddlebagError(
    'not-confirmed',
    confirm === null
      ? `cannot deploy ${names} to ${where}: it wants to be confirmed, and nobody can be asked here`
      : `cannot deploy ${names} to ${where}: it was not confirmed`,
    confirm === null ? { hint: 'pass --yes', exitCode: exitCodes.usage } : { hint: 'nothing was changed' },
  );
}

function noApps({ shownFile }: Project): SaddlebagError {
  return new SaddlebagError('app-unknown', `cannot find an app in ${shownFile}: it has none`, {
    hint: 'write app "name" { … } into it',
    exitCode: exitCodes.usage,
  });
}
