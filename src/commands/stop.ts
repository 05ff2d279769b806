import { stopJob } from '../../deploy/running/stop.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted } from '../core/errors.ts';
import { type NomadFlags, parseTimeout, withNomad } from './nomad-session.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag stop`. */
export interface StopFlags extends NomadFlags {
  readonly purge?: boolean | undefined;
  readonly detach?: boolean | undefined;
  readonly timeout?: string | undefined;
}

const defaultTimeoutMs = 300_000;

/**
 * Runs `saddlebag stop`: stops a job and waits until its tasks have ended; prints the job's id, or with `--json` what was
 * done.
 * @throws {SaddlebagError} `job-unknown`, `stop-timed-out`, `timeout-invalid`, `interrupted`; what `readConnection` and
 * the API throw
 */
export async function runStop(
  input: { readonly job: string; readonly flags: StopFlags },
  context: Context,
): Promise<CommandResult> {
  const { job, flags } = input;
  const options = {
    purge: flags.purge ?? false,
    detach: flags.detach ?? false,
    timeoutMs: parseTimeout(flags.timeout, 'stop') ?? defaultTimeoutMs,
  };
  const stopped = await withNomad(flags, context, async (nomad) => {
    try {
      return await stopJob(nomad, job, options, context);
    } catch (cause) {
      if (!context.signal.aborted) throw cause;
      const hint = `see saddlebag status ${job}`;
      throw interrupted(`stopping ${job}`, 'the job may be stopped; it was not purged', hint);
    }
  });
  return { text: stopped.jobId, json: stopped, exitCode: exitCodes.done };
}
