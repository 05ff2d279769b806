import type { ArtifactSource } from '../../deploy/artifact/artifact-source.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { fetchFor, readConnection } from '../publish/connection.ts';
import { openHttpStore } from '../publish/http.ts';
import type { ReadableStore } from '../publish/store.ts';
import { caFileOf, openStore, type StoreFlags } from './stores.ts';

/** Where a published file is. */
export interface ObjectPlace {
  readonly store: ReadableStore;
  readonly key: string;
}

/**
 * Opens what a source names, as a client would: an `s3::` source with credentials, any other without.
 * @throws {SaddlebagError} `artifact-invalid`, and what `openStore` throws
 */
export async function openSource(
  source: ArtifactSource,
  flags: StoreFlags,
  context: Context,
): Promise<ObjectPlace> {
  if (source.url.startsWith('s3::'))
    return openS3Source(new URL(source.url.slice('s3::'.length)), flags, context);
  if (source.url.startsWith('gcs::')) {
    throw new SaddlebagError('artifact-invalid', `cannot read ${source.url}: no store here speaks gcs::`, {
      hint: 'give the address at which the same object is read by https or s3::https',
      exitCode: exitCodes.usage,
    });
  }
  const send = await fetchFor(await readConnection(context.env, caFileOf(flags, context)));
  // go-getter's prefix for what is fetched by http in any case.
  const url = new URL(source.url.replace(/^https?::/, ''));
  const at = url.pathname.lastIndexOf('/');
  const base = url.origin + url.pathname.slice(0, at);
  const key = decodeURIComponent(url.pathname.slice(at + 1));
  return { store: openHttpStore(base, { send, query: url.search }), key };
}

/** Takes the URL apart as go-getter does (`s3Source` in src/publish/download.ts makes it). */
async function openS3Source(url: URL, flags: StoreFlags, context: Context): Promise<ObjectPlace> {
  const [first = '', ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const [, bucket, region] = /^(.+)\.s3\.([^.]+)\.amazonaws\.com$/.exec(url.hostname) ?? [];
  const dotted = /^s3-([^.]+)\.amazonaws\.com$/.exec(url.hostname)?.[1];
  const regionOf = flags.region ?? region ?? dotted ?? url.searchParams.get('region') ?? undefined;
  if (bucket !== undefined) {
    const store = await openStore(
      { kind: 's3', bucket, prefix: '' },
      { ...flags, region: regionOf },
      context,
    );
    return { store, key: [first, ...rest].join('/') };
  }
  if (rest.length === 0) {
    throw new SaddlebagError('artifact-invalid', `cannot verify s3::${url.href}: it names no object`, {
      hint: 'give what `saddlebag publish` printed',
      exitCode: exitCodes.usage,
    });
  }
  const endpoint = dotted === undefined ? { endpoint: flags.endpoint ?? url.origin } : {};
  const store = await openStore(
    { kind: 's3', bucket: first, prefix: '' },
    { ...flags, region: regionOf, ...endpoint },
    context,
  );
  return { store, key: rest.join('/') };
}
