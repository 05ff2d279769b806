import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** A member of a layer: a file's text, or what its tar header says. */
export type LayerMember = string | Buffer | Partial<Header>;

/** What a test image is made of. */
export interface TestImage {
  readonly layers: readonly Readonly<Record<string, LayerMember>>[];
  /** As in the image's configuration; a program by default. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly created?: string;
  readonly compress?: 'none' | 'gzip' | 'zstd';
}

export const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Makes a tar; a name that ends in a slash is a directory, a file is executable below bin, lib or lib64. */
export async function tarOf(members: Readonly<Record<string, LayerMember>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, member] of Object.entries(members)) {
    if (typeof member !== 'string' && !Buffer.isBuffer(member)) archive.entry({ name, ...member });
    else if (name.endsWith('/')) archive.entry({ name, type: 'directory', mode: 0o755 });
    else archive.entry({ name, mode: /(^|\/)(bin|lib64|lib)\//.test(name) ? 0o755 : 0o644 }, member);
  }
  archive.finalize();
  return buffer(archive as unknown as AsyncIterable<Uint8Array>);
}

const compressors = { none: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync } as const;

async function partsOf(image: TestImage) {
  const tars = await Promise.all(image.layers.map(tarOf));
  const config = Buffer.from(
    JSON.stringify({
      created: image.created ?? '2026-01-01T00:00:00Z',
      os: 'linux',
      architecture: image.architecture ?? architecture,
      config: image.config ?? { Cmd: ['/bin/app'] },
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
    }),
  );
  return { config, layers: tars.map((tar) => compressors[image.compress ?? 'none'](tar)) };
}

/** Returns the files of an OCI layout. */
export async function layoutOf(image: TestImage): Promise<Record<string, Buffer>> {
  const { config, layers } = await partsOf(image);
  const files: Record<string, Buffer> = { 'oci-layout': Buffer.from('{"imageLayoutVersion":"1.0.0"}') };
  const add = (bytes: Buffer, mediaType: string) => {
    const digest = sha256(bytes);
    files[`blobs/sha256/${digest}`] = bytes;
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const type = 'application/vnd.oci.image';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: add(config, `${type}.config.v1+json`),
      layers: layers.map((layer) => add(layer, `${type}.layer.v1.tar`)),
    }),
  );
  const platform = { os: 'linux', architecture: image.architecture ?? architecture };
  const index = { schemaVersion: 2, manifests: [{ ...add(manifest, `${type}.manifest.v1+json`), platform }] };
  files['index.json'] = Buffer.from(JSON.stringify(index));
  return files;
}

/** Returns what `docker save` wrote before it wrote OCI layouts. */
export async function savedOf(image: TestImage): Promise<Buffer> {
  const { config, layers } = await partsOf(image);
  const names = layers.map((layer) => `${sha256(layer)}/layer.tar`);
  const manifest = [{ Config: 'config.json', RepoTags: ['web:1.4'], Layers: names }];
  return tarOf({
    ...Object.fromEntries(names.map((name, index) => [name, layers[index] ?? ''])),
    'config.json': config,
    'manifest.json': JSON.stringify(manifest),
  });
}

/** Writes files below a directory. */
export async function writeFiles(top: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(top, name)), { recursive: true });
    await writeFile(join(top, name), bytes);
  }
}
