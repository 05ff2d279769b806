import { resolve } from 'node:path';
import { parseDuration } from '../../deploy/duration.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import type { Artifact, PublishedRelease } from '../core/types.ts';
import { formatBytes } from '../core/units.ts';
import { parseBaseUrl } from '../publish/destination.ts';
import { servedByDefaultAt } from '../publish/directory/store.ts';
import { askDownload } from '../publish/download.ts';
import { type PublishOptions, planPublication, publish } from '../publish/publish.ts';
import { warnWithoutConditions } from '../publish/releases/conditions.ts';
import { readOrigin } from '../publish/releases/origin.ts';
import { recordRelease } from '../publish/releases/store.ts';
import { readPublishable } from './publishable.ts';
import type { CommandResult } from './result.ts';
import { openStore, readDestination, type StoreFlags } from './stores.ts';

/** 500 hours: Node's timers hold 31 bits of milliseconds. */
const mostTimeoutMs = 1_800_000_000;

/** The flags of `saddlebag publish`. */
export interface PublishFlags extends StoreFlags {
  /** `s3://BUCKET/PREFIX` or a folder; SADDLEBAG_STORE otherwise. */
  readonly to?: string | undefined;
  /** Stands for scheme, host and bucket, or for the folder: BASE/KEY is what clients fetch. */
  readonly downloadUrl?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** How long to go on without progress, `30s`. */
  readonly timeout?: string | undefined;
}

/**
 * Runs `saddlebag publish`: prints the artifact's source, or with `--json` the Artifact; with `--dry-run` what would be
 * sent where, and with `--json` the Artifact with `sendBytes`.
 * @throws {SaddlebagError} what `inspectBundle`, `openStore`, `publish` and `recordRelease` throw;
 * `store-missing`, `destination-invalid`, `url-invalid`, `flag-unused`, `bundle-json-invalid`, `file-changed`,
 * `timeout-invalid`, `interrupted`
 */
export async function runPublish(
  input: { readonly bundle: string; readonly flags: PublishFlags },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  const destination = readDestination(flags.to, flags, context);
  const downloadBase =
    flags.downloadUrl === undefined ? undefined : parseBaseUrl(flags.downloadUrl, '--download-url');
  const stallMs = parseTimeout(flags.timeout);
  try {
    const bundle = await readPublishable(resolve(context.cwd, input.bundle), context);
    const store = await openStore(destination, { ...flags, stallMs }, context);
    const options: PublishOptions = {
      bundle,
      store,
      prefix: destination.prefix,
      ...(downloadBase === undefined ? {} : { downloadBase }),
    };
    if (flags.dryRun === true) return await preview(options, context);
    const assumed = destination.kind === 'directory' && downloadBase === undefined;
    if (assumed) warnAssumedUrl(destination.directory, context);
    const { key, artifact } = await publish(
      { ...options, ...(assumed ? {} : { ask: askDownload }) },
      context,
    );
    await record(options, artifact, context);
    await warnWithoutConditions({ store, key }, artifact, context);
    return { text: artifact.source, json: artifact, exitCode: exitCodes.done };
  } catch (cause) {
    const cleanedUp = !(cause instanceof SaddlebagError && cause.code === 'parts-left-behind');
    if (!context.signal.aborted || !cleanedUp) throw cause;
    throw interrupted(
      `publishing ${input.bundle}`,
      'nothing half-sent was left behind',
      'run the same command again',
    );
  }
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeoutMs = parseDuration(text);
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= mostTimeoutMs) return timeoutMs;
  throw new SaddlebagError(
    'timeout-invalid',
    `cannot publish: --timeout: expected a duration like 30s, up to 500h, got "${text}"`,
    { hint: 'see saddlebag publish --help', exitCode: exitCodes.usage },
  );
}

/** Lists the artifact among the releases of its name. */
async function record(options: PublishOptions, artifact: Artifact, context: Context): Promise<void> {
  const { store, prefix } = options;
  const release: PublishedRelease = {
    artifact,
    publishedAt: new Date().toISOString(),
    ...(await readOrigin(context)),
    labels: {},
  };
  await recordRelease({ store, prefix, name: artifact.name }, release, context);
}

async function preview(options: PublishOptions, context: Context): Promise<CommandResult> {
  const { artifact, key, isThere } = await planPublication(options, context);
  const place = options.store.describe(key);
  const sendBytes = isThere ? 0 : artifact.sizeBytes;
  const text = isThere
    ? `nothing to send: ${place} is there`
    : `${formatBytes(sendBytes)} to send to ${place}`;
  return { text, json: { ...artifact, sendBytes }, exitCode: exitCodes.done };
}

function warnAssumedUrl(folder: string, { reporter }: Context): void {
  reporter.report({
    kind: 'warning',
    stage: 'publish',
    code: 'download-url-assumed',
    message: `the URL is that of \`saddlebag serve ${folder}\` on this machine: ${servedByDefaultAt}`,
    hint: 'pass --download-url with the address that clients use',
  });
}
