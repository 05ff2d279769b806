import { arch } from 'node:os';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { SaddlebagError } from '../../../src/core/errors.ts';
import type { Arch } from '../../../src/core/types.ts';
import { type Blobs, invalidImage, saveAgain } from './blobs.ts';

/** One layer: its name in the layout, and what its uncompressed tar must digest to (lower-case hex). */
export interface Layer {
  readonly name: string;
  readonly diffSha256: string;
}

/** An image as its layout describes it. */
export interface ImageManifest {
  readonly arch: Arch;
  /** `config` of the image's configuration; untrusted. Source: OCI image specification, "Image Configuration". */
  readonly config: Readonly<Record<string, unknown>>;
  /** From the lowest up. */
  readonly layers: readonly Layer[];
  /** `repo:tag` where the layout says one. */
  readonly tag: string | null;
}

type Json = Readonly<Record<string, unknown>>;

const architectures: ReadonlyMap<unknown, Arch> = new Map([
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
]);
const ownArchitecture = arch() === 'arm64' ? 'arm64' : 'amd64';
/** An index may name indexes; registries nest them once. */
const deepestIndex = 4;

/**
 * Reads which layers an image has and how it runs: an OCI layout (`index.json`), or else what `docker save` writes
 * (`manifest.json`). Of an image for several platforms the one of this machine is taken.
 * @throws {SaddlebagError} `image-invalid`
 */
export async function readManifest(blobs: Blobs): Promise<ImageManifest> {
  if (await blobs.has('index.json')) return readLayout(blobs);
  if (await blobs.has('manifest.json')) return readArchive(blobs);
  throw invalidImage(blobs.image, 'it has neither index.json nor manifest.json');
}

async function readLayout(blobs: Blobs): Promise<ImageManifest> {
  const index = asObject(blobs, await readJson(blobs, 'index.json'), 'index.json');
  const { manifest, tag } = await chooseManifest(blobs, index, deepestIndex);
  const config = await readBlob(blobs, manifest.config);
  const layers = asArray(blobs, manifest.layers, 'layers').map((layer) => blobName(blobs, layer).name);
  return describe(blobs, config, { layers, tag });
}

/** Finds the manifest for Linux on this machine's processor, or the only one. */
async function chooseManifest(
  blobs: Blobs,
  index: Json,
  depth: number,
): Promise<{ readonly manifest: Json; readonly tag: string | null }> {
  const entries = asArray(blobs, index.manifests, 'manifests').map((entry) =>
    asObject(blobs, entry, 'manifests'),
  );
  const images = entries.filter(({ platform }) => (platform as Json | undefined)?.os !== 'unknown');
  const fits = images.filter(
    ({ platform }) => (platform as Json | undefined)?.architecture === ownArchitecture,
  );
  const chosen = fits[0] ?? (images.length === 1 ? images[0] : undefined);
  if (chosen === undefined || depth === 0) throw noneChosen(blobs, images);
  const manifest = await readBlob(blobs, chosen);
  const tag = tagOf(chosen);
  if (!Array.isArray(manifest.manifests)) return { manifest, tag };
  const below = await chooseManifest(blobs, manifest, depth - 1);
  return { manifest: below.manifest, tag: below.tag ?? tag };
}

function tagOf({ annotations }: Json): string | null {
  const name = (annotations as Json | undefined)?.['org.opencontainers.image.ref.name'];
  return typeof name === 'string' ? name : null;
}

function noneChosen({ image }: Blobs, images: readonly Json[]): SaddlebagError {
  const architecturesOf = images.map(({ platform }) => (platform as Json | undefined)?.architecture);
  if (images.length < 2 || architecturesOf.some((architecture) => architecture !== undefined)) {
    const offered = architecturesOf.map(String).join(', ') || 'none';
    return invalidImage(image, `it has no image for ${ownArchitecture} (but for: ${offered})`);
  }
  const tags = images.map((entry) => tagOf(entry) ?? 'one without a name').join(', ');
  return invalidImage(image, `it holds ${images.length} images: ${tags}`, {
    hint: 'copy one by itself: skopeo copy oci:DIRECTORY:NAME oci-archive:NAME.tar',
  });
}

async function readArchive(blobs: Blobs): Promise<ImageManifest> {
  const images = asArray(blobs, await readJson(blobs, 'manifest.json'), 'manifest.json');
  if (images.length !== 1) {
    throw invalidImage(blobs.image, `it holds ${images.length} images; save one by itself`, {
      hint: 'docker save NAME > NAME.tar',
    });
  }
  const image = asObject(blobs, images[0], 'manifest.json');
  const config = asObject(blobs, await readJson(blobs, asText(blobs, image.Config, 'Config')), 'Config');
  const layers = asArray(blobs, image.Layers, 'Layers').map((name) => asText(blobs, name, 'Layers'));
  const [tag] = Array.isArray(image.RepoTags) ? image.RepoTags : [];
  return describe(blobs, config, { layers, tag: typeof tag === 'string' ? tag : null });
}

function describe(
  blobs: Blobs,
  config: Json,
  { layers, tag }: { readonly layers: readonly string[]; readonly tag: string | null },
): ImageManifest {
  const { os, architecture } = config;
  const ownArch = os === 'linux' ? architectures.get(architecture) : undefined;
  if (ownArch === undefined) {
    throw invalidImage(
      blobs.image,
      `it is for ${String(os)} on ${String(architecture)}; bundles run on Linux, amd64 and arm64`,
    );
  }
  const diffs = asArray(blobs, asObject(blobs, config.rootfs, 'rootfs').diff_ids, 'diff_ids');
  if (diffs.length !== layers.length) {
    throw invalidImage(blobs.image, `it has ${layers.length} layers and digests for ${diffs.length}`);
  }
  return {
    arch: ownArch,
    config: asObject(blobs, config.config ?? {}, 'config'),
    layers: layers.map((name, index) => ({ name, diffSha256: parseDigest(blobs, diffs[index]) })),
    tag,
  };
}

/** Reads the JSON that a descriptor names, and compares its digest. */
async function readBlob(blobs: Blobs, descriptor: unknown): Promise<Json> {
  const { name, sha256 } = blobName(blobs, descriptor);
  const bytes = await blobs.read(name);
  if (sha256Hex(bytes) !== sha256) {
    throw invalidImage(blobs.image, `${name} is damaged (its digest differs)`, { hint: saveAgain });
  }
  return asObject(blobs, parseJson(blobs, name, bytes), name);
}

function blobName(blobs: Blobs, descriptor: unknown): { readonly name: string; readonly sha256: string } {
  const sha256 = parseDigest(blobs, asObject(blobs, descriptor, 'descriptor').digest);
  return { name: `blobs/sha256/${sha256}`, sha256 };
}

function parseDigest(blobs: Blobs, value: unknown): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(String(value));
  if (match?.[1] === undefined)
    throw invalidImage(blobs.image, `${JSON.stringify(value)} is no SHA-256 digest`);
  return match[1];
}

async function readJson(blobs: Blobs, name: string): Promise<unknown> {
  return parseJson(blobs, name, await blobs.read(name));
}

function parseJson(blobs: Blobs, name: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw invalidImage(blobs.image, `${name} is not JSON`, { cause });
  }
}

function asObject(blobs: Blobs, value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw invalidImage(blobs.image, `${what} is not an object`);
}

function asArray(blobs: Blobs, value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalidImage(blobs.image, `${what} is not a list`);
}

function asText(blobs: Blobs, value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw invalidImage(blobs.image, `${what} is not text`);
}
