import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DeployArtifact, parseArtifact } from '../../deploy/artifact.ts';
import { isLoopback } from '../../deploy/artifact-source.ts';
import { bundleHints } from '../../deploy/bundle-hints.ts';
import { loopbackHint } from '../../deploy/download-check.ts';
import { flagOfSetting, type JobFlags, treeOfFlags } from '../../deploy/job-flags.ts';
import { renderHcl } from '../../deploy/job-hcl.ts';
import type { JobSettings } from '../../deploy/job-settings.ts';
import { renderJobSpec } from '../../deploy/jobspec.ts';
import type { Nomad } from '../../deploy/nomad.ts';
import { type JobSettingsSource, parseJobSettings } from '../../deploy/parse-job-settings.ts';
import { renderPlan } from '../../deploy/plan-text.ts';
import { type PreparedRelease, prepareRelease } from '../../deploy/prepare.ts';
import { release } from '../../deploy/release.ts';
import { isS3Source, storeVariableCommand } from '../../deploy/s3-variable.ts';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import {
  type Confirm,
  followOptions,
  provenanceOf,
  reportPage,
  type WatchFlags,
  withNomad,
} from './nomad-session.ts';
import type { CommandResult } from './result.ts';

/** What to do with a job. */
export interface DeployOptions extends Omit<WatchFlags, 'namespace' | 'region'> {
  /** Print the job and ask no server. */
  readonly dryRun?: boolean | undefined;
  /** Show what would change, and change nothing. */
  readonly plan?: boolean | undefined;
  readonly detach?: boolean | undefined;
  /** Start anew what failed, though some of it runs. */
  readonly force?: boolean | undefined;
}

/** The flags of `saddlebag deploy`: the job's settings, and what to do with it. */
export interface DeployFlags extends JobFlags, DeployOptions {
  /** Where the releases of NAME[@VERSION] are; SADDLEBAG_STORE otherwise. */
  readonly from?: string | undefined;
  /** S3 server of `from`, other than AWS. */
  readonly endpoint?: string | undefined;
}

/**
 * Runs `saddlebag deploy`: prints the evaluation's id, or with `--json` the Release; with `--dry-run` the job as HCL, or
 * with `--json` as the API takes it; with `--plan` what would change.
 * `input.artifact` is a release (`NAME[@VERSION]`), a file, a source or `-` for stdin.
 * @throws {SaddlebagError} `artifact-unreadable`, `flags-conflict`, `timeout-invalid`, `interrupted`; what
 * `parseArtifact`, `parseJobSettings`, `readConnection`, `prepareRelease` and `release` throw
 */
export async function runDeploy(
  input: {
    readonly artifact: string;
    readonly flags: DeployFlags;
    readonly readStdin: () => Promise<string>;
    readonly confirm?: Confirm;
  },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  refuseConflicts(flags);
  const { text, from } = await readArtifact(input, context);
  const artifact = parseArtifact(text, from);
  const source = { tree: treeOfFlags(flags), nameOf: flagOfSetting };
  return deployArtifact({ artifact, source, options: flags, confirm: input.confirm ?? null }, context);
}

/**
 * Does what `options` say with the job of an artifact: for `deploy`, and for `up`, whose settings come from a file.
 * @throws {SaddlebagError} as `runDeploy`, but for reading the artifact
 */
export async function deployArtifact(
  request: {
    readonly artifact: DeployArtifact;
    readonly source: JobSettingsSource;
    readonly options: DeployOptions;
    readonly confirm?: Confirm;
  },
  context: Context,
): Promise<CommandResult> {
  const { artifact, options: flags } = request;
  const settings = parseJobSettings(request.source, artifact);
  const watching = followOptions(flags, 'deploy', request.confirm ?? null);
  if (settings.arch === null) warnOfArch(context);
  tellCredentials(artifact, settings, context);
  for (const message of bundleHints(artifact, settings)) {
    context.reporter.report({ kind: 'detail', stage: 'deploy', message });
  }
  if (flags.dryRun === true) return dryRun(artifact, settings, context);
  const place = {
    address: flags.address,
    namespace: settings.namespace ?? undefined,
    region: settings.region ?? undefined,
  };
  return withNomad(place, context, async (nomad) => {
    const prepared = await prepare(nomad, artifact, settings, context);
    if (flags.plan === true) return planned(prepared);
    const options = {
      ...watching,
      detach: flags.detach ?? false,
      force: flags.force ?? false,
      provenance: await provenanceOf(context),
    };
    const released = await release(nomad, prepared, options, context);
    return { text: released.evalId, json: released, exitCode: exitCodes.done };
  });
}

async function readArtifact(
  input: {
    readonly artifact: string;
    readonly flags: DeployFlags;
    readonly readStdin: () => Promise<string>;
  },
  context: Context,
): Promise<{ readonly text: string; readonly from?: string }> {
  const { artifact, flags } = input;
  if (artifact === '-') return { text: await input.readStdin(), from: 'the artifact on stdin' };
  // A URL, or one behind a forced getter: s3::https://…
  if (/^[a-z][a-z0-9+.-]*:(?::|\/\/)/i.test(artifact)) return { text: artifact };
  if (flags.from !== undefined) return readRelease(artifact, flags, context);
  const file = resolve(context.cwd, artifact);
  try {
    return { text: await readFile(file, 'utf8'), from: file };
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && (context.env.SADDLEBAG_STORE ?? '') !== '') return readRelease(artifact, flags, context);
    throw new SaddlebagError('artifact-unreadable', `cannot read ${file}: ${describeCause(cause)}`, {
      hint: 'give a file that `saddlebag publish --json` wrote, an artifact source (URL?…&checksum=sha256:…), -, or a release and --from',
      cause,
      exitCode: exitCodes.usage,
    });
  }
}

/** Finds a release and returns its artifact as `publish --json` printed it. */
async function readRelease(
  reference: string,
  { from, endpoint, arch }: DeployFlags,
  context: Context,
): Promise<{ readonly text: string; readonly from: string }> {
  // Only now: the S3 client takes long to load, and most deploys need none.
  const { findArtifact } = await import('./release-artifact.ts');
  const artifact = await findArtifact(reference, { from, flags: { endpoint }, arch }, context);
  const { appVersion, checksum } = artifact;
  const message = `${reference} is version ${appVersion || '(none)'}, ${checksum}`;
  context.reporter.report({ kind: 'step', stage: 'deploy', message });
  return { text: JSON.stringify(artifact), from: `the release ${reference}` };
}

function refuseConflicts({ dryRun, plan, detach, timeout }: DeployFlags): void {
  const conflicts = [
    ...(dryRun && plan ? ['--dry-run asks no server, --plan does'] : []),
    ...(detach && timeout !== undefined ? ['--detach does not wait, --timeout says how long'] : []),
  ];
  if (conflicts.length === 0) return;
  throw new SaddlebagError('flags-conflict', `cannot deploy: ${conflicts.join('; ')}`, {
    hint: 'pass one of the two',
    exitCode: exitCodes.usage,
  });
}

function warnOfArch({ reporter }: Context): void {
  reporter.report({
    kind: 'warning',
    stage: 'deploy',
    code: 'arch-unknown',
    message: 'the job may be placed on any processor: the source does not say for which the bundle is',
    hint: 'pass --arch x86_64 or --arch aarch64, or give the Artifact that `saddlebag publish --json` prints',
  });
}

/** Says where the clients' credentials come from, which the job itself never shows. */
function tellCredentials({ source }: DeployArtifact, settings: JobSettings, { reporter }: Context): void {
  if (!isS3Source(source)) return;
  const { s3Variable, namespace } = settings;
  const message =
    s3Variable === null
      ? 'clients fetch the artifact with S3 credentials of their own; --s3-variable takes them from a Nomad variable'
      : `clients take S3 credentials from a Nomad variable: ${storeVariableCommand(s3Variable, namespace)}`;
  reporter.report({ kind: 'step', stage: 'deploy', message });
}

function dryRun(artifact: DeployArtifact, settings: JobSettings, { reporter }: Context): CommandResult {
  if (isLoopback(artifact.source.hostname)) {
    reporter.report({
      kind: 'warning',
      stage: 'deploy',
      code: 'download-url-loopback',
      message: `only this host can fetch ${artifact.source.url}`,
      hint: loopbackHint,
    });
  }
  const spec = renderJobSpec(artifact, settings);
  return { text: renderHcl(spec).trimEnd(), json: { Job: spec.job }, exitCode: exitCodes.done };
}

async function prepare(
  nomad: Nomad,
  artifact: DeployArtifact,
  settings: JobSettings,
  context: Context,
): Promise<PreparedRelease> {
  reportPage(nomad, settings.id, context);
  try {
    return await prepareRelease(nomad, artifact, settings);
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    throw interrupted(`deploying ${settings.id}`, 'nothing was submitted', 'run the same command again');
  }
}

function planned({ plan, spec }: PreparedRelease): CommandResult {
  return {
    text: renderPlan(spec.id, plan),
    json: { version: 1, jobId: spec.id, ...plan },
    exitCode: exitCodes.done,
  };
}
