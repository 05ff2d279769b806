import { basename, resolve } from 'node:path';
import { inspectBundle } from '../../bundler/inspect.ts';
import { renderUnit, type UnitSettings, unitName } from '../../deploy/systemd-unit.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { looksSecret } from '../core/secret-names.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag unit`. */
export interface UnitFlags {
  /** Absolute path of the bundle on the host; /usr/local/bin/NAME by default. */
  readonly path?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly environmentFile?: string | undefined;
  readonly arg?: readonly string[] | undefined;
  readonly user?: string | undefined;
  /** MiB. */
  readonly memory?: number | undefined;
}

/**
 * Runs `saddlebag unit`: prints a systemd service that runs a bundle on a host without Nomad; with `--json` its name and
 * text.
 * @throws {SaddlebagError} what `inspectBundle` throws; `secret-in-plain-text`
 */
export async function runUnit(
  input: { readonly bundle: string; readonly flags: UnitFlags },
  { cwd, signal }: Context,
): Promise<CommandResult> {
  const { flags } = input;
  const env = flags.env ?? {};
  refuseSecrets(Object.keys(env));
  const bundle = await inspectBundle(resolve(cwd, input.bundle), { signal });
  const name = unitName(bundle.name);
  const settings: UnitSettings = {
    path: flags.path ?? `/usr/local/bin/${name}`,
    env,
    environmentFile: flags.environmentFile ?? null,
    args: flags.arg ?? [],
    user: flags.user ?? null,
    memory: flags.memory ?? null,
  };
  const text = renderUnit({ ...bundle, fileName: basename(bundle.file) }, settings);
  return { text, json: { version: 1, name: `${name}.service`, text }, exitCode: exitCodes.done };
}

/** A unit can be read by every user of its host. */
function refuseSecrets(names: readonly string[]): void {
  const secrets = names.filter(looksSecret);
  if (secrets.length === 0) return;
  throw new SaddlebagError(
    'secret-in-plain-text',
    `cannot write ${secrets.join(', ')} into a unit: every user of the host can read it`,
    {
      hint: 'put NAME=VALUE lines into a file of mode 0600 on the host, and pass --environment-file with its path',
      exitCode: exitCodes.usage,
    },
  );
}
