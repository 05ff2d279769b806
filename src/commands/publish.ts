import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { inspectBundle } from '../../bundler/inspect.ts';
import type { Context } from '../core/context.ts';
import { describeCause, exitCodes, interrupted, SaddlebagError } from '../core/errors.ts';
import type { Bundle } from '../core/types.ts';
import { formatBytes } from '../core/units.ts';
import { type Destination, parseBaseUrl, parseDestination } from '../publish/destination.ts';
import { openDirectoryStore, servedByDefaultAt } from '../publish/directory.ts';
import { askDownload } from '../publish/download.ts';
import { type PublishOptions, planPublication, publish } from '../publish/publish.ts';
import { openS3Store } from '../publish/s3/store.ts';
import type { Store } from '../publish/store.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag publish`. */
export interface PublishFlags {
  /** `s3://BUCKET/PREFIX` or a folder. */
  readonly to: string;
  /** URL of an S3 server other than AWS; AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL otherwise. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly pathStyle?: boolean | undefined;
  /** Stands for scheme, host and bucket, or for the folder: BASE/KEY is what clients fetch. */
  readonly downloadUrl?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/**
 * Runs `saddlebag publish`: prints the artifact's source, or with `--json` the Artifact; with `--dry-run` what would be
 * sent where, and with `--json` the Artifact with `sendBytes`.
 * @throws {SaddlebagError} what `inspectBundle`, `openS3Store`, `openDirectoryStore` and `publish` throw;
 * `destination-invalid`, `url-invalid`, `flag-unused`, `bundle-json-invalid`, `file-changed`, `interrupted`
 */
export async function runPublish(
  input: { readonly bundle: string; readonly flags: PublishFlags },
  context: Context,
): Promise<CommandResult> {
  const { flags } = input;
  const destination = parseDestination(flags.to, context.cwd);
  const downloadBase =
    flags.downloadUrl === undefined ? undefined : parseBaseUrl(flags.downloadUrl, '--download-url');
  refuseUnusedFlags(destination, flags);
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
    if (assumed) warnAssumedUrl(flags.to, context);
    const artifact = await publish({ ...options, ...(assumed ? {} : { ask: askDownload }) }, context);
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

async function preview(options: PublishOptions, context: Context): Promise<CommandResult> {
  const { artifact, key, isThere } = await planPublication(options, context);
  const place = options.store.describe(key);
  const sendBytes = isThere ? 0 : artifact.sizeBytes;
  const text = isThere
    ? `nothing to send: ${place} is there`
    : `${formatBytes(sendBytes)} to send to ${place}`;
  return { text, json: { ...artifact, sendBytes }, exitCode: exitCodes.done };
}

async function openStore(destination: Destination, flags: PublishFlags, context: Context): Promise<Store> {
  if (destination.kind === 'directory') return openDirectoryStore(destination.directory);
  // The SDK reads AWS_REGION and the profile, but not AWS_DEFAULT_REGION, as the AWS CLI does.
  const region = flags.region ?? context.env.AWS_REGION ?? context.env.AWS_DEFAULT_REGION;
  return openS3Store({
    bucket: destination.bucket,
    ...(flags.endpoint === undefined ? {} : { endpoint: parseBaseUrl(flags.endpoint, '--endpoint') }),
    ...(region === undefined ? {} : { region }),
    ...(flags.pathStyle === undefined ? {} : { pathStyle: flags.pathStyle }),
  });
}

function refuseUnusedFlags(destination: Destination, flags: PublishFlags): void {
  if (destination.kind === 's3') return;
  const given = [
    ['--endpoint', flags.endpoint],
    ['--region', flags.region],
    ['--path-style', flags.pathStyle],
  ].flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length === 0) return;
  throw new SaddlebagError('flag-unused', `cannot use ${given.join(', ')}: --to ${flags.to} is a folder`, {
    hint: 'give --to s3://BUCKET/PREFIX for object storage',
    exitCode: exitCodes.usage,
  });
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
