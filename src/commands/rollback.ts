import { rollBack } from '../../deploy/running/rollback.ts';
import type { Context } from '../core/context.ts';
import {
  type Confirm,
  followOptions,
  provenanceOf,
  reportPage,
  type WatchFlags,
  withNomad,
} from './nomad-session.ts';
import { objectExists } from './object-exists.ts';
import { releaseResult } from './release-result.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag rollback`. */
export interface RollbackFlags extends WatchFlags {
  readonly detach?: boolean | undefined;
}

/**
 * Runs `saddlebag rollback`: makes an older version of a job the current one again and watches it as a deploy; prints the
 * evaluation's id, or with `--json` the Release.
 * @throws {SaddlebagError} `job-unknown`, `version-unknown`, `version-gone`, `timeout-invalid`, `interrupted`; what `rollBack` throws
 */
export async function runRollback(
  input: {
    readonly job: string;
    /** Undefined for the last stable version that is not the same. */
    readonly version: number | undefined;
    readonly flags: RollbackFlags;
    readonly confirm: Confirm;
  },
  context: Context,
): Promise<CommandResult> {
  const { job, version, flags, confirm } = input;
  const options = {
    ...followOptions(flags, 'rollback', confirm),
    detach: flags.detach ?? false,
    provenance: await provenanceOf(context),
    objectExists: (url: string) => objectExists(url, context),
  };
  const release = await withNomad(flags, context, (nomad) => {
    reportPage(nomad, job, context);
    return rollBack(nomad, { id: job, to: version ?? null }, options, context);
  });
  return releaseResult(release);
}
