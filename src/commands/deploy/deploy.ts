import { type DeployArtifact, parseArtifact } from '../../../deploy/artifact/artifact.ts';
import { isLoopback } from '../../../deploy/artifact/artifact-source.ts';
import { bundleHints } from '../../../deploy/artifact/bundle-hints.ts';
import { loopbackHint } from '../../../deploy/artifact/download-check.ts';
import { isS3Source, storeVariableCommand } from '../../../deploy/artifact/s3-variable.ts';
import { checkJob, refuseUnfit, reportWarnings } from '../../../deploy/job/job-check.ts';
import { flagOfSetting, treeOfFlags } from '../../../deploy/job/job-flags.ts';
import { renderHcl } from '../../../deploy/job/job-hcl.ts';
import type { JobSettings } from '../../../deploy/job/job-settings.ts';
import { renderJobSpec } from '../../../deploy/job/jobspec.ts';
import { type JobSettingsSource, parseJobSettings } from '../../../deploy/job/parse-job-settings.ts';
import { renderPolicy } from '../../../deploy/nomad/acl.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import { type Confirm, parseTimeout } from '../nomad-session.ts';
import { refuseSecrets } from '../refuse-secrets.ts';
import type { CommandResult } from '../result.ts';
import { readArtifact } from './deploy-artifact.ts';
import type { DeployFlags, DeployInput, DeployOptions } from './deploy-flags.ts';

/**
 * Runs `saddlebag deploy`: prints the evaluation's id, or with `--json` the Release; with `--dry-run` the job as HCL, or
 * with `--json` as the API takes it; with `--plan` what would change.
 * @throws {SaddlebagError} `artifact-unreadable`, `flags-conflict`, `usage-invalid`, `timeout-invalid`,
 *   `secret-in-plain-text`, `interrupted`; what `parseArtifact`, `parseJobSettings`, `readConnection`,
 *   `prepareRelease`, `deployPrepared` and `runDeployJobFile` throw
 */
export async function runDeploy(input: DeployInput, context: Context): Promise<CommandResult> {
  const { flags } = input;
  if (flags.printAcl === true) return printAcl(flags, context);
  refuseConflicts(flags, 'deploy');
  parseTimeout(flags.timeout, 'deploy');
  if (flags.jobFile !== undefined) {
    const { runDeployJobFile } = await import('./deploy-job-file.ts');
    return runDeployJobFile({ ...input, flags: { ...flags, jobFile: flags.jobFile } }, context);
  }
  refuseSecrets(flags);
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
  parseTimeout(flags.timeout, 'deploy');
  if (settings.arch === null) warnOfArch(context);
  tellCredentials(artifact, settings, context);
  const hints = bundleHints(artifact, { settings, tree: request.source.tree });
  if (flags.dryRun === true) {
    tellHints(hints, context);
    return dryRun(artifact, settings, context);
  }
  // Only now: the HTTP client takes as long to load as all the rest, and a dry run needs none.
  const { submitArtifact } = await import('./deploy-submit.ts');
  const onNewJob = () => tellHints(hints, context);
  const confirm = request.confirm ?? null;
  return submitArtifact({ artifact, settings, options: flags, confirm, onNewJob }, context);
}

function tellHints(hints: readonly string[], { reporter }: Context): void {
  for (const message of hints) reporter.report({ kind: 'detail', stage: 'deploy', message });
}

function printAcl({ namespace }: DeployFlags, { env }: Context): CommandResult {
  const policy = renderPolicy(namespace ?? (env.NOMAD_NAMESPACE || 'default'));
  return { text: policy, json: { version: 1, policy }, exitCode: exitCodes.done };
}

/**
 * Refuses flags that exclude each other, of a command that deploys.
 * @throws {SaddlebagError} `flags-conflict`
 */
export function refuseConflicts(flags: DeployFlags, command: 'deploy' | 'up'): void {
  const { dryRun, plan, detach, timeout } = flags;
  const needsFile = [flags.var && '--var', flags.varFile && '--var-file', flags.artifact && '--artifact'];
  const named = needsFile.filter((name) => name !== undefined);
  const conflicts = [
    ...(dryRun && plan ? ['--dry-run asks no server, --plan does'] : []),
    ...(detach && timeout !== undefined ? ['--detach does not wait, --timeout says how long'] : []),
    ...(named.length > 0 && flags.jobFile === undefined ? [`${named.join(', ')} without --job-file`] : []),
    ...(flags.exitCode && !plan ? ['--exit-code without --plan'] : []),
  ];
  if (conflicts.length === 0) return;
  throw new SaddlebagError('flags-conflict', `cannot deploy: ${conflicts.join('; ')}`, {
    hint: `see saddlebag ${command} --help`,
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
  const findings = checkJob(spec.job, { serverVersion: null, clientVersions: [], nowMs: Date.now() });
  reportWarnings(findings, { reporter });
  refuseUnfit(spec.id, findings);
  return { text: renderHcl(spec).trimEnd(), json: { Job: spec.job }, exitCode: exitCodes.done };
}
