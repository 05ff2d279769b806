import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { parseHcl } from '../../src/core/hcl/parse.ts';
import { withWorkDirectory } from '../../src/core/work-directory.ts';
import type { ApiJob } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { Shape, ShapeError } from '../nomad/shape.ts';
import { groupCounts } from '../release/counts.ts';
import type { Submission } from '../release/submission.ts';
import { putFilesIn, readsFiles } from './file-calls.ts';
import { artifactsOf } from './job-artifacts.ts';
import { jobFileInvalid, jobFileRefused } from './job-file.ts';
import { jobOf } from './json-job.ts';
import type { RenderedJobFile } from './render.ts';
import { checkVariables, renderVariables, type Variables } from './variables.ts';

/**
 * Has Nomad make a job of a job file: its server parses it, or, where the file calls functions that read files, `nomad`
 * on this machine; where that is not there, the files are put into the text.
 * @throws {SaddlebagError} `job-file-invalid` with Nomad's reasons, `job-file-function`, `job-variable-invalid`
 */
export async function parseRendered(
  nomad: Nomad,
  rendered: RenderedJobFile,
  variables: Variables,
  context: Pick<Context, 'cwd' | 'env' | 'exec' | 'signal'>,
): Promise<Submission> {
  const { file, text } = rendered;
  if (file.format === 'api-json') {
    const parsed = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const job = checkJob(file.name, jobOf({ ...file, value: parsed }));
    return { id: job.ID, job, source: { text, format: 'json', variables: '' } };
  }
  const values: Variables = new Map([...variables, ...rendered.values]);
  checkVariables(file, values);
  const source = { text, format: 'hcl2' as const, variables: renderVariables(values) };
  if (file.format === 'hcl' && readsFiles(file.document)) {
    const job = await runNomad(file.name, source, context);
    if (job !== null) return { id: job.ID, job, source };
    source.text = await putFilesIn(file.name, parseHcl(text), context.cwd);
  }
  // The server takes for JSON only what begins with its brace; of HCL the lines before it count, for its messages.
  const body = file.format === 'hcl' ? source.text : source.text.trimStart();
  const job = await nomad.parseJob({ name: file.name, source: body, variables: source.variables });
  return { id: job.ID, job, source };
}

/** Runs `nomad job run -output`, which asks no server; null where there is no `nomad`. */
async function runNomad(
  name: string,
  source: { readonly text: string; readonly variables: string },
  { cwd, env, exec, signal }: Pick<Context, 'cwd' | 'env' | 'exec' | 'signal'>,
): Promise<ApiJob | null> {
  return withWorkDirectory('saddlebag-job-', async (directory) => {
    // Not in the arguments, which everybody on the machine can read.
    const file = join(directory, 'values.hcl');
    await writeFile(file, source.variables, { mode: 0o600 });
    const args = ['job', 'run', '-output', `-var-file=${file}`, '-'];
    const result = await exec('nomad', args, { cwd, env, signal, input: source.text, timeoutMs: 60_000 });
    signal.throwIfAborted();
    if (result.failure === 'ENOENT') return null;
    if (result.exitCode === 0) {
      const answer = JSON.parse(result.stdout) as { readonly Job: Readonly<Record<string, unknown>> };
      return checkJob(name, answer.Job);
    }
    throw jobFileRefused(name, reasonOf(result.stderr, result.failure), 'stdin');
  });
}

function reasonOf(stderr: string, failure: string | undefined): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const reasons = lines.filter((line) => line !== '' && !line.startsWith('Error getting job struct'));
  return reasons.join('; ') || failure || '`nomad job run -output` failed';
}

/** Checks what is read of a job that a person may have written, so that nobody has to later. */
function checkJob(name: string, job: Readonly<Record<string, unknown>>): ApiJob {
  try {
    const ID = Shape.of(job, 'job').text('ID');
    const whole = { ...job, ID };
    groupCounts(whole);
    artifactsOf(whole);
    return whole;
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw jobFileInvalid(name, cause.message);
  }
}
