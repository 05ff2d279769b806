import { join, resolve } from 'node:path';
import { parseArtifact } from '../../../deploy/artifact/artifact.ts';
import { type AppInForce, mapOf, textOf } from '../../config/in-force.ts';
import type { Project } from '../../config/project.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import type { Artifact, Bundle } from '../../core/types.ts';
import { withWorkDirectory } from '../../core/work-directory.ts';
import { parseBaseUrl } from '../../publish/destination.ts';
import { findSameClosure } from '../../publish/releases/kept.ts';
import { checkArtifactSignature } from '../artifact-signature.ts';
import { runBundle } from '../bundle.ts';
import { deployArtifact, runDeploy } from '../deploy/deploy.ts';
import type { DeployOptions } from '../deploy/deploy-flags.ts';
import { type Confirm, withNomad } from '../nomad-session.ts';
import { runPublish } from '../publish/publish.ts';
import { readPublicKey, readSecretKey } from '../publish/signing.ts';
import type { CommandResult } from '../result.ts';
import { openStore, readDestination } from '../stores.ts';
import { bundleInput, publicKeyOf, publishFlags } from './app-flags.ts';
import { jobTreeOf } from './job-tree.ts';

/** What to do with each app. */
export interface BringUpOptions extends Omit<DeployOptions, 'address'> {
  /** Publish and deploy what was bundled now even where the closure is the same: a new runtime, or other frames. */
  readonly refresh?: boolean | undefined;
  /** A directory where the bundle stays, as its app is called; without it the bundle is removed once it is published. */
  readonly out?: string | undefined;
}

/** What became of an app: its bundle, its artifact, and what `deploy` says. */
export interface BroughtUp {
  readonly bundle: Bundle;
  readonly artifact: Artifact;
  readonly deployed: CommandResult;
}

/**
 * Bundles an app, publishes the bundle unless a release of the same closure is there, and deploys it. With `dryRun` or
 * `plan` nothing is published. Where a key is asked for, what is deployed is signed with it, whoever published it.
 * @throws {SaddlebagError} what `runBundle`, `runPublish`, `checkArtifactSignature` and `deployArtifact` throw;
 * `store-missing`, `signature-missing`, and what `readSecretKey` and `readPublicKey` throw
 */
export async function bringUp(
  request: {
    readonly project: Project;
    readonly app: AppInForce;
    readonly options: BringUpOptions;
    /** Asks a person at the terminal whether canaries are promoted; null where nobody is there. */
    readonly confirm: Confirm;
  },
  context: Context,
): Promise<BroughtUp> {
  const { project, app, options } = request;
  // Paths in the file are relative to it.
  const there: Context = { ...context, cwd: project.directory };
  // Asked first: without a store, its keys or an agent nothing has to be bundled.
  await readSecretKey(publishFlags(app, context.env), there);
  await readPublicKey(publicKeyOf(app), there);
  if (options.dryRun !== true) await runningChecksums(app, context);
  return withWorkDirectory('saddlebag-up-', async (workDirectory) => {
    const directory = options.out === undefined ? workDirectory : resolve(context.cwd, options.out);
    const { json: bundle } = await runBundle(bundleInput(app, join(directory, app.name)), there);
    const artifact = await publishUnlessKept({ app, bundle, options }, there);
    return { bundle, artifact, deployed: await deploy({ ...request, artifact }, there) };
  });
}

async function deploy(
  {
    project,
    app,
    options,
    confirm,
    artifact,
  }: {
    readonly project: Project;
    readonly app: AppInForce;
    readonly options: BringUpOptions;
    readonly confirm: Confirm;
    readonly artifact: Artifact;
  },
  context: Context,
): Promise<CommandResult> {
  const how: DeployOptions = {
    ...options,
    address: textOf(app.deploy, 'address'),
    timeout: options.timeout ?? textOf(app.deploy, 'timeout'),
  };
  const text = JSON.stringify(artifact);
  const jobFile = textOf(app.own, 'job_file');
  if (jobFile === undefined) {
    const source = jobTreeOf(app, project);
    return deployArtifact({ artifact: parseArtifact(text), source, options: how, confirm }, context);
  }
  const flags = {
    ...how,
    jobFile: resolve(project.directory, jobFile),
    namespace: textOf(app.deploy, 'namespace'),
    region: textOf(app.deploy, 'region'),
    var: Object.entries(mapOf(app.own, 'vars') ?? {}).map(([name, value]) => `${name}=${value}`),
  };
  // Whether it is signed was asked where it was published or found; what is only planned is not signed yet.
  const unasked = { ...context, env: { ...context.env, SADDLEBAG_PUBLIC_KEY: undefined } };
  return runDeploy({ artifact: '-', flags, readStdin: async () => text, confirm }, unasked);
}

async function publishUnlessKept(
  {
    app,
    bundle,
    options,
  }: { readonly app: AppInForce; readonly bundle: Bundle; readonly options: BringUpOptions },
  context: Context,
): Promise<Artifact> {
  const flags = publishFlags(app, context.env);
  const only = options.dryRun === true || options.plan === true;
  if (options.refresh !== true) {
    const kept = await keptArtifact({ app, bundle, options }, context);
    if (kept !== undefined) {
      await checkSigned(app, kept, context);
      const message = `nothing to publish: the closure is that of ${kept.fileName}, ${kept.checksum}`;
      context.reporter.report({ kind: 'step', stage: 'publish', message });
      return kept;
    }
  }
  const isAsked = (await readPublicKey(publicKeyOf(app), context)) !== undefined;
  if (isAsked && !only && flags.signKey === undefined) throw unsigned(app);
  const { json } = await runPublish({ bundle, flags: { ...flags, dryRun: only } }, context);
  // Of one destination it is the Artifact.
  const artifact = json as Artifact;
  // The two keys may be of different pairs: then the next run would refuse what this one deploys.
  if (!only) await checkSigned(app, artifact, context);
  return artifact;
}

async function checkSigned(app: AppInForce, artifact: Artifact, context: Context): Promise<void> {
  const told = { text: JSON.stringify(artifact), from: `the release ${artifact.fileName}` };
  await checkArtifactSignature(told, publicKeyOf(app), context);
}

function unsigned({ name, store }: AppInForce): SaddlebagError {
  return new SaddlebagError(
    'signature-missing',
    `cannot publish ${name}: only what is signed is deployed, and there is no key to sign it with`,
    {
      hint: `write sign_key = "FILE" into store "${store?.name ?? 'main'}", or leave public_key and SADDLEBAG_PUBLIC_KEY out`,
      exitCode: exitCodes.usage,
    },
  );
}

/** Asks Nomad what the job of an app runs. */
async function runningChecksums(app: AppInForce, context: Context): Promise<readonly string[]> {
  const { deploy } = app;
  const place = {
    address: textOf(deploy, 'address'),
    namespace: textOf(deploy, 'namespace'),
    region: textOf(deploy, 'region'),
  };
  return withNomad(place, context, async (nomad) => {
    const job = await nomad.readJob(textOf(deploy, 'job') ?? app.name);
    const tasks = job?.groups.flatMap((group) => group.tasks) ?? [];
    return tasks.flatMap(({ artifacts }) => artifacts.map(({ checksum }) => checksum));
  });
}

async function keptArtifact(
  {
    app,
    bundle,
    options,
  }: { readonly app: AppInForce; readonly bundle: Bundle; readonly options: BringUpOptions },
  context: Context,
): Promise<Artifact | undefined> {
  const flags = publishFlags(app, context.env);
  const destination = readDestination(flags.to, flags, context);
  const { downloadUrl } = flags;
  return findSameClosure(
    {
      bundle,
      store: await openStore(destination, flags, context),
      prefix: destination.prefix,
      downloadBase: downloadUrl === undefined ? undefined : parseBaseUrl(downloadUrl, 'download_url'),
      running: () => (options.dryRun === true ? Promise.resolve([]) : runningChecksums(app, context)),
    },
    context,
  );
}
