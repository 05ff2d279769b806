import { resolve } from 'node:path';
import type { Context } from '../../core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../../core/errors.ts';
import type { Artifact } from '../../core/types.ts';
import { type Destination, parseBaseUrl } from '../../publish/destination.ts';
import { describeSending } from '../../publish/publish.ts';
import { readOrigin } from '../../publish/releases/origin.ts';
import type { CommandResult } from '../result.ts';
import { readDestination, type StoreFlags } from '../stores.ts';
import { type PublishSettingsFlags, parsePublishSettings } from './publish-settings.ts';
import { planTarget, proveRemembered, publishToTarget, type TargetOptions } from './publish-target.ts';
import { readPublishable, type WrittenBundle } from './publishable.ts';
import type { ProgramNames } from './published-program.ts';
import { readSecretKey, type SignFlags } from './signing.ts';

/** The flags of `saddlebag publish`. */
export interface PublishFlags extends StoreFlags, PublishSettingsFlags, SignFlags, ProgramNames {
  /** `s3://BUCKET/PREFIX` or a folder, one or several; SADDLEBAG_STORE otherwise. */
  readonly to?: string | readonly string[] | undefined;
  /** Stands for scheme, host and bucket, or for the folder: BASE/KEY is what clients fetch. */
  readonly downloadUrl?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** What became of one of several targets. */
type TargetResult =
  | { readonly to: string; readonly artifact: Artifact & { readonly sendBytes?: number } }
  | {
      readonly to: string;
      readonly error: { readonly code: string; readonly message: string; readonly hint: string | null };
    };

/**
 * Runs `saddlebag publish`: prints the artifact's source, or with `--json` the Artifact; with `--dry-run` what would be
 * sent where, and with `--json` the Artifact with `sendBytes`. For several targets a line each, or `{version, results}`
 * with `{to, artifact}` or `{to, error}` each; where one fails, the others are still served and the exit code is 1.
 * @throws {SaddlebagError} what `readPublishable`, `parsePublishSettings` and `publishToTarget` throw; `store-missing`,
 * `destination-invalid`, `url-invalid`, `flag-unused`, `interrupted`
 */
export async function runPublish(
  input: { readonly bundle: string | WrittenBundle; readonly flags: PublishFlags },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  const given = typeof input.bundle === 'string' ? resolve(context.cwd, input.bundle) : input.bundle;
  const destinations = readDestinations(flags, context);
  const settings = parsePublishSettings(flags, new Date());
  const secretKey = await readSecretKey(flags, context);
  const downloadBase =
    flags.downloadUrl === undefined ? undefined : parseBaseUrl(flags.downloadUrl, '--download-url');
  try {
    const bundle = await readPublishable(given, flags, context);
    const origin = await readOrigin(context);
    const options: TargetOptions = { bundle, downloadBase, flags, origin, secretKey, settings };
    const run = flags.dryRun === true ? previewTarget : sendToTarget;
    const result = await runEach(destinations, { run, options }, context);
    if (flags.dryRun === true) await proveRemembered(bundle, context);
    return result;
  } catch (cause) {
    const cleanedUp = !(cause instanceof SaddlebagError && cause.code === 'parts-left-behind');
    if (!context.signal.aborted || !cleanedUp) throw cause;
    throw interrupted(
      `publishing ${typeof input.bundle === 'string' ? input.bundle : input.bundle.file}`,
      'nothing half-sent was left behind',
      'run the same command again',
    );
  }
}

type NamedDestination = readonly [to: string, destination: Destination];

interface TargetOutcome {
  /** What is printed for it. */
  readonly text: string;
  readonly artifact: Artifact & { readonly sendBytes?: number };
}

function readDestinations(flags: PublishFlags, context: Context): readonly NamedDestination[] {
  const given: readonly (string | undefined)[] = typeof flags.to === 'string' ? [flags.to] : (flags.to ?? []);
  const wanted = given.length === 0 ? [undefined] : given;
  return wanted.map((to) => [
    to ?? context.env.SADDLEBAG_STORE ?? '',
    readDestination(to, wanted.length === 1 ? flags : {}, context),
  ]);
}

async function sendToTarget(
  destination: Destination,
  options: TargetOptions,
  context: Context,
): Promise<TargetOutcome> {
  const artifact = await publishToTarget(destination, options, context);
  return { text: artifact.source, artifact };
}

async function previewTarget(
  destination: Destination,
  options: TargetOptions,
  context: Context,
): Promise<TargetOutcome> {
  const publication = await planTarget(destination, options, context);
  const { artifact, isThere, place, sendBytes } = publication;
  const text = isThere
    ? `nothing to send: ${place} is there`
    : `to send to ${place}: ${describeSending(publication)}`;
  return { text, artifact: { ...artifact, sendBytes } };
}

/** Serves one target, or several. */
async function runEach(
  destinations: readonly NamedDestination[],
  { run, options }: { readonly run: typeof sendToTarget; readonly options: TargetOptions },
  context: Context,
): Promise<CommandResult> {
  const [[, only] = [], ...more] = destinations;
  if (only !== undefined && more.length === 0) {
    const { text, artifact } = await run(only, options, context);
    return { text, json: artifact, exitCode: exitCodes.done };
  }
  // What only a bucket understands is for the buckets among them.
  const settings = { ...options.settings, attributes: undefined, presignSeconds: null };
  const forFolders = { ...options, settings };
  const runOne = (destination: Destination) =>
    run(destination, destination.kind === 's3' ? options : forFolders, context);
  return publishToAll(destinations, runOne, context);
}

/** Serves one target after the other: each gets the whole line. */
async function publishToAll(
  destinations: readonly NamedDestination[],
  run: (destination: Destination) => Promise<TargetOutcome>,
  { reporter, signal }: Context,
): Promise<CommandResult> {
  const lines: string[] = [];
  const results: TargetResult[] = [];
  for (const [to, destination] of destinations) {
    try {
      const { text, artifact } = await run(destination);
      lines.push(text);
      results.push({ to, artifact });
    } catch (cause) {
      if (signal.aborted || !(cause instanceof SaddlebagError)) throw cause;
      const { code, message, hint } = cause;
      results.push({ to, error: { code, message, hint: hint ?? null } });
      reporter.report({
        kind: 'warning',
        stage: 'publish',
        code,
        message,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
  const failed = results.some((result) => 'error' in result);
  return {
    text: lines.join('\n'),
    json: { version: 1, results },
    exitCode: failed ? exitCodes.failed : exitCodes.done,
  };
}
