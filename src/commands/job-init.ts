import { basename, resolve } from 'node:path';
import { type DeployArtifact, parseArtifact } from '../../deploy/artifact/artifact.ts';
import { flagOfSetting, treeOfFlags } from '../../deploy/job/job-flags.ts';
import { renderJobTemplate } from '../../deploy/job/job-template.ts';
import { renderJobSpec } from '../../deploy/job/jobspec.ts';
import { parseJobSettings } from '../../deploy/job/parse-job-settings.ts';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import { writeAtomically } from '../core/files.ts';
import { readArtifact } from './deploy/deploy-artifact.ts';
import type { DeployFlags } from './deploy/deploy-flags.ts';
import { refuseSecrets } from './refuse-secrets.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag job init`: those of `deploy` that say what the job is, and where the file goes. */
export interface JobInitFlags extends DeployFlags {
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
}

/**
 * Runs `saddlebag job init`: prints a job file to edit, or writes it and prints its path. Without an artifact it is that
 * of an app of which nothing is known.
 * @throws {SaddlebagError} `output-exists`, `output-failed`; what `readArtifact`, `parseArtifact` and
 *   `parseJobSettings` throw
 */
export async function runJobInit(
  input: {
    readonly artifact: string | undefined;
    readonly flags: JobInitFlags;
    readonly readStdin: (signal: AbortSignal) => Promise<string>;
  },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  const artifact = input.artifact === undefined ? anyArtifact : await readBundle(input, context);
  refuseSecrets(flags);
  const settings = parseJobSettings({ tree: treeOfFlags(flags), nameOf: flagOfSetting }, artifact);
  const file = flags.output === undefined ? null : resolve(context.cwd, flags.output);
  const fileName = file === null ? `${settings.groups[0]?.name ?? 'app'}.nomad.hcl` : basename(file);
  const text = renderJobTemplate(renderJobSpec(artifact, settings), fileName);
  const exitCode = exitCodes.done;
  if (file === null) return { text: text.trimEnd(), json: { version: 1, file, text }, exitCode };
  await writeAtomically(
    file,
    { force: flags.force ?? false, mode: 0o644, signal: context.signal },
    (handle) => handle.writeFile(text),
  );
  return { text: file, json: { version: 1, file, text }, exitCode };
}

async function readBundle(
  input: Parameters<typeof runJobInit>[0],
  context: Context,
): Promise<DeployArtifact> {
  const { text, from } = await readArtifact(input, context);
  return parseArtifact(text, from);
}

const anyArtifact: DeployArtifact = {
  name: 'app',
  arch: null,
  interpreter: null,
  init: null,
  imageSettings: null,
  source: { url: '', checksum: '', path: '', hostname: '' },
};
