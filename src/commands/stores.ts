import { resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { fetchFor, readConnection } from '../publish/connection.ts';
import {
  type Destination,
  type Origin,
  parseBaseUrl,
  parseDestination,
  parseOrigin,
} from '../publish/destination.ts';
import { openDirectoryStore } from '../publish/directory/store.ts';
import { openHttpStore } from '../publish/http.ts';
import type { ObjectAttributes } from '../publish/s3/attributes.ts';
import { timeoutsFor } from '../publish/s3/bucket.ts';
import { openS3Store } from '../publish/s3/store.ts';
import type { ReadableStore, Store } from '../publish/store.ts';

/** The flags that say how to reach a store. */
export interface StoreFlags {
  /** URL of an S3 server other than AWS; AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL otherwise. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly pathStyle?: boolean | undefined;
  /** Certificate authorities besides those that Node trusts; AWS_CA_BUNDLE otherwise. */
  readonly caFile?: string | undefined;
  /** Sends no credentials. */
  readonly anonymous?: boolean | undefined;
  /** A server is given up after so long without progress; the default is that of `openS3Store`. */
  readonly stallMs?: number | undefined;
}

type StoreContext = Pick<Context, 'cwd' | 'env'>;

/** An open store, and where in it names begin. */
export interface OpenStore<S extends ReadableStore = Store> {
  readonly store: S;
  readonly prefix: string;
  /** As the user named it, without credentials. */
  readonly place: string;
}

/**
 * Parses what can be written to: `--to` (or another flag, `name`), or SADDLEBAG_STORE where it is not given.
 * @throws {SaddlebagError} `store-missing`, `destination-invalid`, `url-invalid`, `flag-unused`
 */
export function readDestination(
  flag: string | undefined,
  flags: StoreFlags,
  { cwd, env }: StoreContext,
  name: '--to' | '--from' = '--to',
): Destination {
  const text = placeOf(name, flag, env);
  const destination = parseDestination(text, cwd);
  refuseUnusedFlags(destination, `${name} ${text}`, flags);
  return destination;
}

/**
 * Opens what `--from` names, or SADDLEBAG_STORE where it is not given, to read from.
 * @throws {SaddlebagError} `store-missing`, `destination-invalid`, `url-invalid`, `flag-unused`; what `openS3Store` throws
 */
export async function openOrigin(
  flag: string | undefined,
  flags: StoreFlags,
  context: StoreContext,
): Promise<OpenStore<ReadableStore>> {
  const text = placeOf('--from', flag, context.env);
  const origin = parseOrigin(text, context.cwd);
  refuseUnusedFlags(origin, `--from ${text}`, flags);
  if (origin.kind === 'http') {
    const send = await fetchFor(await readConnection(context.env, caFileOf(flags, context)));
    return { store: openHttpStore(origin.url, { send }), prefix: '', place: origin.url };
  }
  return { store: await openStore(origin, flags, context), prefix: origin.prefix, place: text };
}

/**
 * Opens a store to read and to write.
 * @throws {SaddlebagError} `url-invalid`, and what `openS3Store` throws
 */
export async function openStore(
  destination: Destination,
  flags: StoreFlags & { readonly attributes?: ObjectAttributes | undefined },
  context: StoreContext,
): Promise<Store> {
  const { env } = context;
  if (destination.kind === 'directory') return openDirectoryStore(destination.directory);
  const endpoint =
    flags.endpoint === undefined ? destination.endpoint : parseBaseUrl(flags.endpoint, '--endpoint');
  // The SDK reads AWS_REGION and the profile, but not AWS_DEFAULT_REGION, as the AWS CLI does.
  const region = flags.region ?? destination.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  const pathStyle = flags.pathStyle ?? destination.pathStyle;
  return openS3Store({
    bucket: destination.bucket,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    connection: await readConnection(env, caFileOf(flags, context)),
    isAnonymous: flags.anonymous ?? false,
    ...(flags.attributes === undefined ? {} : { attributes: flags.attributes }),
    ...(flags.stallMs === undefined ? {} : { timeouts: timeoutsFor(flags.stallMs) }),
  });
}

/** Returns `--ca-file` as an absolute path. */
export function caFileOf({ caFile }: StoreFlags, { cwd }: Pick<Context, 'cwd'>): string | undefined {
  return caFile === undefined ? undefined : resolve(cwd, caFile);
}

function placeOf(name: string, flag: string | undefined, env: Context['env']): string {
  const text = flag ?? env.SADDLEBAG_STORE;
  if (text !== undefined && text !== '') return text;
  throw new SaddlebagError(
    'store-missing',
    `cannot find a store: neither ${name} nor SADDLEBAG_STORE is set`,
    {
      hint: `pass ${name} s3://BUCKET/PREFIX, or a folder`,
      exitCode: exitCodes.usage,
    },
  );
}

function refuseUnusedFlags(origin: Origin, named: string, flags: StoreFlags): void {
  if (origin.kind === 's3') return;
  const given = [
    ['--endpoint', flags.endpoint],
    ['--region', flags.region],
    ['--path-style', flags.pathStyle],
    ['--anonymous', flags.anonymous],
  ].flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length === 0) return;
  const what = origin.kind === 'directory' ? 'a folder' : 'a web server';
  throw new SaddlebagError('flag-unused', `cannot use ${given.join(', ')}: ${named} is ${what}`, {
    hint: 'give s3://BUCKET/PREFIX for object storage',
    exitCode: exitCodes.usage,
  });
}
