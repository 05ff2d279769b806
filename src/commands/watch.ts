import { attach } from '../../deploy/release/attach.ts';
import type { Context } from '../core/context.ts';
import {
  type Confirm,
  followOptions,
  lookOn,
  reportPage,
  type WatchFlags,
  withNomad,
} from './nomad-session.ts';
import { releaseResult } from './release-result.ts';
import type { CommandResult } from './result.ts';

/**
 * Runs `saddlebag watch`: watches the current version of a job to its end, with the exit codes of a deploy; prints the
 * evaluation's id, or with `--json` the Release.
 * @throws {SaddlebagError} `timeout-invalid`, `interrupted`; what `attach` and `readConnection` throw
 */
export async function runWatch(
  input: { readonly job: string; readonly flags: WatchFlags; readonly confirm: Confirm },
  context: Context,
): Promise<CommandResult> {
  const { job, flags, confirm } = input;
  const options = followOptions(flags, 'watch', confirm);
  const release = await withNomad(flags, context, (nomad) => {
    reportPage(nomad, job, context);
    return lookOn(nomad, job, context, () => attach(nomad, job, options, context));
  });
  return releaseResult(release);
}
