import { PassThrough, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

const magics = [
  { bytes: Buffer.from([0x1f, 0x8b]), decoder: createGunzip },
  { bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), decoder: createZstdDecompress },
] as const;

/**
 * Gives the content of a stream that is gzip, zstd or neither, which its first bytes tell: media types of images and
 * names of archives are often wrong. A failure of either ends the result with it.
 */
export async function openDecompressed(stream: Readable): Promise<Readable> {
  const start = await readStart(stream, 4);
  const found = magics.find(({ bytes }) => start.subarray(0, bytes.length).equals(bytes));
  const content = found === undefined ? new PassThrough() : found.decoder();
  stream.on('error', (cause) => content.destroy(cause));
  content.on('close', () => stream.destroy());
  return stream.pipe(content);
}

/** Reads the first bytes and puts them back. */
async function readStart(stream: Readable, length: number): Promise<Buffer> {
  await new Promise<void>((resolve, reject) => {
    stream.once('readable', resolve);
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  const start = (stream.read(Math.min(length, stream.readableLength)) as Buffer | null) ?? Buffer.alloc(0);
  if (start.length > 0) stream.unshift(start);
  return start;
}
