import type { CompressionName } from '../../../bundler/compression.ts';
import { type AppInForce, flagOf, mapOf, textOf, textsOf } from '../../config/in-force.ts';
import { exitCodes, SaddlebagError } from '../../core/errors.ts';
import type { BundleFlags } from '../bundle.ts';
import type { PublishFlags } from '../publish/publish.ts';

/** What `saddlebag bundle` is asked for an app; `output` is an absolute path. */
export function bundleInput(
  { name, bundle }: AppInForce,
  output: string,
): { readonly app?: string; readonly command: readonly string[]; readonly flags: BundleFlags } {
  const file = textOf(bundle, 'file');
  const attr = textOf(bundle, 'attr');
  const source = textOf(bundle, 'source') ?? (file === undefined && attr === undefined ? '.' : undefined);
  const flags = {
    output,
    force: true,
    name: textOf(bundle, 'name') ?? name,
    appVersion: textOf(bundle, 'version'),
    entrypoint: textOf(bundle, 'entrypoint'),
    compress: (textOf(bundle, 'compress') ?? 'balanced') as CompressionName,
    python: interpreterOf(textOf(bundle, 'python')),
    node: interpreterOf(textOf(bundle, 'node')),
    file,
    attr,
    include: textsOf(bundle, 'include'),
    with: textsOf(bundle, 'with'),
    without: textsOf(bundle, 'without'),
    exclude: textsOf(bundle, 'exclude'),
    allow: textsOf(bundle, 'allow'),
    program: textsOf(bundle, 'programs'),
    allPrograms: flagOf(bundle, 'all_programs'),
    arg: textsOf(bundle, 'args'),
    env: mapOf(bundle, 'env'),
    workdir: textOf(bundle, 'workdir'),
    init: flagOf(bundle, 'init'),
  };
  return { ...(source === undefined ? {} : { app: source }), command: [], flags: dropAbsent(flags) };
}

function interpreterOf(text: string | undefined): string | true | undefined {
  return text === 'auto' ? true : text;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function dropAbsent<T extends { readonly compress: CompressionName }>(
  flags: T,
): Present<Omit<T, 'compress'>> & Pick<T, 'compress'> {
  const present = Object.entries(flags).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Present<Omit<T, 'compress'>> & Pick<T, 'compress'>;
}

/** What an app must be signed with to be deployed; undefined where SADDLEBAG_PUBLIC_KEY alone says it, or nothing. */
export function publicKeyOf({ store }: AppInForce): string | undefined {
  return store === null ? undefined : textOf(store.settings, 'public_key');
}

/**
 * What `saddlebag publish` is asked for an app.
 * @throws {SaddlebagError} `store-missing`
 */
export function publishFlags(
  { name, store }: AppInForce,
  env: Readonly<Record<string, string | undefined>>,
): PublishFlags & { readonly to?: string | undefined } {
  if (store === null) {
    // What `publish` takes where it is not told; of several stores in the file none is a guess.
    if ((env.SADDLEBAG_STORE ?? '') !== '') return {};
    throw new SaddlebagError('store-missing', `cannot publish ${name}: saddlebag.hcl has no store`, {
      hint: `write store "main" { to = "s3://BUCKET/PREFIX" } into it, or set SADDLEBAG_STORE`,
      exitCode: exitCodes.usage,
    });
  }
  const { settings } = store;
  return {
    to: textOf(settings, 'to'),
    endpoint: textOf(settings, 'endpoint'),
    region: textOf(settings, 'region'),
    pathStyle: flagOf(settings, 'path_style'),
    downloadUrl: textOf(settings, 'download_url'),
    caFile: textOf(settings, 'ca_file'),
    signKey: textOf(settings, 'sign_key'),
    // One of those that the file may say.
    sse: textOf(settings, 'sse') as PublishFlags['sse'],
    sseKmsKeyId: textOf(settings, 'sse_kms_key_id'),
    storageClass: textOf(settings, 'storage_class'),
    objectLock: textOf(settings, 'object_lock'),
    label: Object.entries(mapOf(settings, 'labels') ?? {}).map(([name, value]) => `${name}=${value}`),
  };
}
