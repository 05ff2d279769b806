import { parseArtifact } from '../../../deploy/artifact/artifact.ts';
import { flagOfSetting, treeOfFlags } from '../../../deploy/job/job-flags.ts';
import { readJobFile } from '../../../deploy/job-file/job-file.ts';
import { parseRendered } from '../../../deploy/job-file/parse.ts';
import { placeOfJob, prepareJobFile } from '../../../deploy/job-file/prepare.ts';
import { type RenderedJobFile, renderJobFile } from '../../../deploy/job-file/render.ts';
import type { TaskArtifact } from '../../../deploy/job-file/task-artifact.ts';
import { checkVariables, gatherVariables, renderVariables } from '../../../deploy/job-file/variables.ts';
import { parseCounts } from '../../../deploy/release/counts.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import { reportPage, withNomad } from '../nomad-session.ts';
import type { CommandResult } from '../result.ts';
import { readArtifact } from './deploy-artifact.ts';
import type { DeployInput } from './deploy-flags.ts';
import { deployPrepared } from './deploy-prepared.ts';
import { orInterrupted } from './or-interrupted.ts';

type JobFileInput = DeployInput & { readonly flags: { readonly jobFile: string } };
type JobFileFlags = JobFileInput['flags'];

/**
 * Runs `saddlebag deploy --job-file`: puts artifacts into a job file of the user's, and deploys what it says; with
 * `--dry-run` prints the file.
 * @throws {SaddlebagError} `flags-conflict`, `usage-invalid`, `interrupted`; what reading, rendering and parsing the file
 * throw, and what `deployPrepared` throws
 */
export async function runDeployJobFile(input: JobFileInput, context: Context): Promise<CommandResult> {
  const { flags } = input;
  refuseJobFlags(flags);
  const counts = flags.count === undefined ? [] : parseCounts(flags.count);
  const artifacts = await readArtifacts(input, context);
  const file = await readJobFile(flags.jobFile, context.cwd);
  const sources = { env: context.env, cwd: context.cwd, files: flags.varFile ?? [], flags: flags.var ?? [] };
  const variables = await gatherVariables(file, sources);
  const rendered = await renderJobFile(file, artifacts);
  checkVariables(file, new Map([...variables, ...rendered.values]));
  context.reporter.report({ kind: 'step', stage: 'deploy', message: rendered.note });
  if (flags.dryRun === true) return dryRun(rendered, variables, context);
  const place = { address: flags.address, namespace: flags.namespace, region: flags.region };
  const submission = await orInterrupted(file.name, context, () =>
    withNomad(place, context, (nomad) => parseRendered(nomad, rendered, variables, context)),
  );
  const said = placeOfJob(file.name, submission.job, flags);
  const where = { ...place, namespace: said.namespace ?? undefined, region: said.region ?? undefined };
  return withNomad(where, context, async (nomad) => {
    reportPage(nomad, submission.id, context);
    const request = { name: file.name, submission, artifacts, counts };
    const prepared = await orInterrupted(submission.id, context, () =>
      prepareJobFile(nomad, request, context),
    );
    const sources = artifacts.map(({ artifact }) => artifact.source);
    const options = { options: flags, confirm: input.confirm ?? null };
    return deployPrepared(nomad, { prepared, sources }, options, context);
  });
}

/** What shapes a job that Saddlebag writes says nothing of one that somebody else wrote. */
function refuseJobFlags(flags: JobFileFlags): void {
  const {
    task: _task,
    count: _count,
    namespace: _namespace,
    region: _region,
    arch: _arch,
    ...shaping
  } = flags;
  const names = Object.keys(treeOfFlags(shaping)).map((key) => flagOfSetting([key]));
  if (names.length === 0) return;
  const reason = `${names.join(', ')}: the job file says what the job is`;
  throw new SaddlebagError('flags-conflict', `cannot deploy ${flags.jobFile} with ${reason}`, {
    hint: 'write it into the file, or take a variable for it and pass --var',
    exitCode: exitCodes.usage,
  });
}

async function readArtifacts(input: JobFileInput, context: Context): Promise<TaskArtifact[]> {
  const { artifact, flags } = input;
  const named = (flags.artifact ?? []).map(splitArtifact);
  const all = [...(artifact === undefined ? [] : [{ task: flags.task, artifact }]), ...named];
  if (all.length === 0) {
    const hint =
      'saddlebag deploy artifact.json --job-file app.nomad.hcl, or --artifact TASK=artifact.json for each task';
    throw new SaddlebagError('usage-invalid', `cannot deploy ${flags.jobFile}: no artifact was given`, {
      hint,
      exitCode: exitCodes.usage,
    });
  }
  return Promise.all(
    all.map(async (one) => {
      const { text, from } = await readArtifact({ ...input, artifact: one.artifact }, context);
      return { task: one.task, artifact: parseArtifact(text, from) };
    }),
  );
}

function splitArtifact(text: string): { readonly task: string; readonly artifact: string } {
  const at = text.indexOf('=');
  if (at > 0) return { task: text.slice(0, at), artifact: text.slice(at + 1) };
  throw new SaddlebagError('usage-invalid', `cannot use --artifact ${text}: expected TASK=ARTIFACT`, {
    hint: 'for example --artifact web/server=server.json',
    exitCode: exitCodes.usage,
  });
}

/** The values stand beside the text, as they do in what is submitted. */
function dryRun(
  { file, text, values }: RenderedJobFile,
  variables: ReadonlyMap<string, string>,
  { reporter }: Context,
): CommandResult {
  for (const [name, value] of values) {
    reporter.report({ kind: 'detail', stage: 'deploy', message: `${name} = ${value}` });
  }
  const json = {
    version: 1,
    jobFile: file.name,
    format: file.format === 'hcl' ? 'hcl2' : 'json',
    source: text,
    variables: renderVariables(new Map([...variables, ...values])),
  };
  return { text, json, exitCode: exitCodes.done };
}
