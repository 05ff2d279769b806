import { readPieces } from '../../../bundler/pieces.ts';
import type { Context } from '../../core/context.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import type { Artifact, PublishedRelease } from '../../core/types.ts';
import { formatDuration } from '../../core/units.ts';
import { fetchFor, readConnection } from '../../publish/connection.ts';
import { fileContent, proveContent } from '../../publish/content.ts';
import type { Destination } from '../../publish/destination.ts';
import { servedByDefaultAt } from '../../publish/directory/store.ts';
import { askDownloadBy } from '../../publish/download.ts';
import { objectMetadata } from '../../publish/labels.ts';
import { putProvenance, putSignature } from '../../publish/provenance/beside.ts';
import type { SecretKey } from '../../publish/provenance/minisign.ts';
import { type Publication, type PublishOptions, planPublication, publish } from '../../publish/publish.ts';
import { warnWithoutConditions } from '../../publish/releases/conditions.ts';
import { recordRelease } from '../../publish/releases/store.ts';
import type { Store } from '../../publish/store.ts';
import { caFileOf, openStore, type StoreFlags } from '../stores.ts';
import { forgetDigest } from './known-digest.ts';
import type { PublishSettings } from './publish-settings.ts';
import type { PublishedFile } from './publishable.ts';

/** A bundle, and how it goes to each target. */
export interface TargetOptions {
  readonly bundle: PublishedFile;
  readonly flags: StoreFlags;
  readonly settings: PublishSettings;
  /** What clients find the keys below, instead of the target's own. */
  readonly downloadBase: string | undefined;
  /** Who publishes, and of which revision. */
  readonly origin: Pick<PublishedRelease, 'publishedBy' | 'revision'>;
  /** Undefined: nothing is signed. */
  readonly secretKey: SecretKey | undefined;
}

/**
 * Publishes to one target and lists the artifact among the releases of its name; returns the artifact, with a signed URL
 * as its source where one is wanted.
 * @throws {SaddlebagError} `flag-unused`, `presign-invalid`; what `openStore`, `publish` and `recordRelease` throw
 */
export async function publishToTarget(
  destination: Destination,
  options: TargetOptions,
  context: Context,
): Promise<Artifact> {
  const { bundle, origin, settings } = options;
  const publication = await prepareTarget(destination, options, context);
  const { prefix, store } = publication;
  const { key, artifact } = await describeAndSign(
    await proving(bundle, publish(publication, context), context),
    store,
    options,
    context,
  );
  const release: PublishedRelease = {
    artifact,
    publishedAt: new Date().toISOString(),
    ...origin,
    labels: settings.labels,
  };
  await recordRelease({ store, prefix, name: bundle.name }, release, context);
  await warnWithoutConditions({ store, key }, artifact, context);
  return settings.presignSeconds === null
    ? artifact
    : presigned(store, { key, artifact }, settings.presignSeconds, context);
}

/** Puts beside a published file what it was made of and, where there is a key, its signature. */
async function describeAndSign(
  { key, artifact }: Pick<Publication, 'key' | 'artifact'>,
  store: Store,
  { bundle, origin, secretKey }: TargetOptions,
  { signal }: Context,
): Promise<Pick<Publication, 'key' | 'artifact'>> {
  await putProvenance({ store, key }, { described: bundle, revision: origin.revision }, signal);
  if (secretKey === undefined) return { key, artifact };
  const signature = await putSignature({ store, key }, { file: bundle.file, artifact, secretKey }, signal);
  return { key, artifact: { ...artifact, signature } };
}

/**
 * Decides what would be sent to one target, and sends nothing.
 * @throws {SaddlebagError} `flag-unused`, `presign-invalid`; what `openStore` and `planPublication` throw
 */
export async function planTarget(
  destination: Destination,
  options: TargetOptions,
  context: Context,
): Promise<Publication & { readonly place: string }> {
  const publication = await prepareTarget(destination, options, context);
  const plan = await planPublication(publication, context);
  return { ...plan, place: publication.store.describe(plan.key) };
}

/**
 * Reads a file of which the digest is only remembered, where no target has taken it: what was said of it is not true of
 * another one.
 * @throws {SaddlebagError} `file-unreadable`, `file-changed`
 */
export async function proveRemembered(bundle: PublishedFile, context: Context): Promise<void> {
  await proving(bundle, proveContent(fileContent(bundle.file, bundle), context.signal), context);
}

/** Waits for what takes the digest of a file; where that is not the one that is remembered, the next run reads the file. */
async function proving<T>(
  { file }: { readonly file: string },
  work: Promise<T>,
  context: Context,
): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof SaddlebagError && cause.code === 'file-changed') await forgetDigest(file, context);
    throw cause;
  }
}

async function prepareTarget(
  destination: Destination,
  options: TargetOptions,
  context: Context,
): Promise<PublishOptions> {
  const { bundle, downloadBase, flags, origin, settings } = options;
  refuseUnused(destination, options);
  const { attributes, presignSeconds, stallMs } = settings;
  const store = await openStore(destination, { ...flags, attributes, stallMs }, context);
  const isAssumed = destination.kind === 'directory' && downloadBase === undefined;
  if (isAssumed) warnAssumedUrl(destination.directory, context);
  const send = await fetchFor(await readConnection(context.env, caFileOf(flags, context)));
  const metadata = objectMetadata(
    {
      'closure-sha256': bundle.closureSha256,
      'tool-version': bundle.toolVersion,
      revision: origin.revision,
    },
    settings.labels,
  );
  return {
    bundle,
    store,
    prefix: destination.prefix,
    readPieces,
    metadata,
    isSigned: presignSeconds !== null,
    ...(downloadBase === undefined ? {} : { downloadBase }),
    ...(isAssumed ? {} : { ask: askDownloadBy(send) }),
  };
}

function refuseUnused(destination: Destination, { downloadBase, settings }: TargetOptions): void {
  if (destination.kind === 'directory' && settings.attributes !== undefined) {
    throw new SaddlebagError(
      'flag-unused',
      `cannot use --sse, --storage-class and --object-lock: ${destination.directory} is a folder`,
      { hint: 'they are for s3://BUCKET/PREFIX', exitCode: exitCodes.usage },
    );
  }
  if (settings.presignSeconds !== null && (destination.kind === 'directory' || downloadBase !== undefined)) {
    const reason =
      destination.kind === 'directory'
        ? `${destination.directory} is a folder`
        : 'a signature holds for the server of --to only, not for that of --download-url';
    throw new SaddlebagError('presign-invalid', `cannot sign a URL: ${reason}`, {
      hint: 'leave --presign out',
      exitCode: exitCodes.usage,
    });
  }
}

/** Signs a URL for an artifact. It is no part of the releases: who reads them later would get one that has expired. */
async function presigned(
  store: Store,
  { key, artifact }: { readonly key: string; readonly artifact: Artifact },
  seconds: number,
  { reporter }: Context,
): Promise<Artifact> {
  if (store.presign === undefined) throw new Error('a store without signatures was not refused');
  const expiresAt = new Date(Date.now() + seconds * 1000).toISOString();
  const url = await store.presign(key, seconds);
  const sha256 = artifact.checksum.slice('sha256:'.length);
  reporter.report({
    kind: 'warning',
    stage: 'publish',
    code: 'download-expires',
    message: `the URL stops working at ${expiresAt} (in ${formatDuration(seconds * 1000)}), or with the credentials that sign it`,
    hint: 'an allocation that starts later (a reschedule, a drain, more of them) fails with 403: use it for batch jobs and trials',
  });
  return { ...artifact, source: signedSource(url, sha256), expiresAt };
}

function signedSource(url: string, sha256: string): string {
  return `${url}&archive=false&checksum=sha256:${sha256}`;
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
