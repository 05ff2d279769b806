import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { inspectBundle } from '../../bundler/inspect.ts';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import type { Artifact, Bundle, PublishedRelease } from '../core/types.ts';
import { formatBytes } from '../core/units.ts';
import { parseBaseUrl } from '../publish/destination.ts';
import { servedByDefaultAt } from '../publish/directory/store.ts';
import { askDownload } from '../publish/download.ts';
import { type PublishOptions, planPublication, publish } from '../publish/publish.ts';
import { warnWithoutConditions } from '../publish/releases/conditions.ts';
import { readOrigin } from '../publish/releases/origin.ts';
import { recordRelease } from '../publish/releases/store.ts';
import type { CommandResult } from './result.ts';
import { openStore, readDestination, type StoreFlags } from './stores.ts';

/** The flags of `saddlebag publish`. */
export interface PublishFlags extends StoreFlags {
  /** `s3://BUCKET/PREFIX` or a folder; SADDLEBAG_STORE otherwise. */
  readonly to?: string | undefined;
  /** Stands for scheme, host and bucket, or for the folder: BASE/KEY is what clients fetch. */
  readonly downloadUrl?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/**
 * Runs `saddlebag publish`: prints the artifact's source, or with `--json` the Artifact; with `--dry-run` what would be
 * sent where, and with `--json` the Artifact with `sendBytes`.
 * @throws {SaddlebagError} what `inspectBundle`, `openStore`, `publish` and `recordRelease` throw;
 * `store-missing`, `destination-invalid`, `url-invalid`, `flag-unused`, `bundle-json-invalid`, `file-changed`, `interrupted`
 */
export async function runPublish(
  input: { readonly bundle: string; readonly flags: PublishFlags },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  const destination = readDestination(flags.to, flags, context);
  const downloadBase =
    flags.downloadUrl === undefined ? undefined : parseBaseUrl(flags.downloadUrl, '--download-url');
  try {
    const bundle = await readBundle(resolve(context.cwd, input.bundle), context.signal);
    const store = await openStore(destination, flags, context);
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

/** Reads a bundle, or what `bundle --json` printed: then the file that it names must still be the one it describes. */
async function readBundle(path: string, signal: AbortSignal): Promise<Bundle> {
  const described = await readDescription(path);
  const bundle = await inspectBundle(described?.file ?? path, { signal });
  if (described === undefined || described.sha256 === bundle.sha256) return bundle;
  throw new SaddlebagError(
    'file-changed',
    `cannot publish ${bundle.file}: it is not the bundle that ${path} describes`,
    {
      hint: 'bundle again, or give the bundle itself',
    },
  );
}

async function readDescription(
  path: string,
): Promise<{ readonly file: string; readonly sha256: string } | undefined> {
  if ((await firstByte(path)) !== '{') return undefined;
  const invalid = (reason: string, cause?: unknown) =>
    new SaddlebagError('bundle-json-invalid', `cannot read ${path}: ${reason}`, {
      cause,
      hint: 'give a bundle, or the JSON that `saddlebag bundle --json` printed',
    });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw invalid('it is neither a bundle nor JSON', cause);
  }
  const { version, file, sha256 } = value as Readonly<Record<string, unknown>>;
  if (version !== 2 || typeof file !== 'string' || typeof sha256 !== 'string') {
    throw invalid('it does not describe a bundle of version 2');
  }
  return { file, sha256 };
}

async function firstByte(path: string): Promise<string> {
  const refused = (cause: unknown) =>
    new SaddlebagError('bundle-unreadable', `cannot read ${path}: ${describeCause(cause)}`, {
      cause,
      hint: 'give the path of a bundle, as `saddlebag bundle` printed it',
    });
  const handle = await open(path).catch((cause: unknown) => {
    throw refused(cause);
  });
  try {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(1) });
    return buffer.toString('latin1', 0, bytesRead);
  } catch (cause) {
    throw refused(cause);
  } finally {
    await handle.close();
  }
}
