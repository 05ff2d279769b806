import type { DeployArtifact } from '../../../deploy/artifact/artifact.ts';
import type { JobSettings } from '../../../deploy/job/job-settings.ts';
import type { Nomad } from '../../../deploy/nomad/nomad.ts';
import { type PreparedRelease, prepareRelease } from '../../../deploy/release/prepare.ts';
import type { Context } from '../../core/context.ts';
import { interrupted } from '../../core/errors.ts';
import { reportPage, withNomad } from '../nomad-session.ts';
import type { CommandResult } from '../result.ts';
import { deployPrepared, type PreparedOptions } from './deploy-prepared.ts';

/**
 * Plans the job of an artifact on the server, and submits and watches it as the options say.
 * @throws {SaddlebagError} `interrupted`; what `readConnection`, `prepareRelease` and `deployPrepared` throw
 */
export async function submitArtifact(
  request: {
    readonly artifact: DeployArtifact;
    readonly settings: JobSettings;
    /** Called where the server has no such job yet. */
    readonly onNewJob: () => void;
  } & PreparedOptions,
  context: Context,
): Promise<CommandResult> {
  const { artifact, settings, onNewJob, ...options } = request;
  const place = {
    address: options.options.address,
    namespace: settings.namespace ?? undefined,
    region: settings.region ?? undefined,
  };
  return withNomad(place, context, async (nomad) => {
    const prepared = await prepare(nomad, artifact, settings, context);
    if (prepared.current === null) onNewJob();
    return deployPrepared(nomad, { prepared, sources: [artifact.source] }, options, context);
  });
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
