import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openBundle } from '../../../bundler/bundle-file.ts';
import { readFrames } from '../../../bundler/frame-reader.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { type BundleBytes, cutBundle, signBundle } from '../../helpers/bundle-bytes.ts';
import { describeWith } from '../../helpers/needs.ts';
import { randomFrom } from '../../helpers/random.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { compileRuntimeTest } from './sanitized.ts';

const corpus = new URL('../../fixtures/fuzz/bundle/', import.meta.url).pathname;
const golden = new URL('../../fixtures/format/golden.bundle', import.meta.url).pathname;

/** What the runtime does not read, FORMAT.md, "Limits and refusals", is left alone. */
const changedParts = [
  'header',
  'header',
  'rows',
  'rows',
  'frames',
  'data',
  'trailer',
] as const satisfies readonly (keyof BundleBytes)[];

const tellingBytes = [0, 1, 2, 4, 0x7f, 0x80, 0xff, 0xae, 0xaf];

/** Changes a few bytes of one part and makes the digests right again, but for those that were changed themselves. */
function mutate(sound: Buffer, random: (below: number) => number): Buffer {
  const file = Buffer.from(sound);
  const parts = cutBundle(file);
  const target = changedParts[random(changedParts.length)] ?? 'header';
  const part = parts[target];
  const width = [1, 1, 2, 4, 8][random(5)] ?? 1;
  for (let changes = 1 + random(2); changes > 0 && part.length >= width; changes--) {
    // Most fields are four or eight bytes; strings are where no number is.
    const at = Math.min(random(part.length), part.length - width);
    const value = tellingBytes[random(tellingBytes.length)] ?? 0;
    for (let index = 0; index < width; index++) {
      part[at + index] = random(2) === 0 ? value : (part[at + index] ?? 0) ^ (1 << random(8));
    }
  }
  if (target !== 'trailer') signBundle(parts);
  return file;
}

async function acceptsInTypeScript(file: string): Promise<string> {
  try {
    await using bundle = await openBundle(file);
    for await (const _ of readFrames(bundle, bundle.frames, new AbortController().signal));
    return 'accepted';
  } catch (error) {
    // Anything else is a bug of ours.
    if (!(error instanceof SaddlebagError)) throw error;
    return error.message;
  }
}

/** Asks the runtime's own reader about all at once. */
async function acceptsInC(bundles: readonly Buffer[]): Promise<string[]> {
  const program = await compileRuntimeTest('reader');
  const directory = join(await temporaryDirectory(), 'extracted');
  await mkdir(directory);
  const input = bundles.flatMap((bundle) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bundle.length);
    return [length, bundle];
  });
  const output = execFileSync(program, [directory], { input: Buffer.concat(input), maxBuffer: 1 << 26 });
  return output.toString().trimEnd().split('\n');
}

describeWith(['gcc'], 'both readers of a bundle', () => {
  it('refuse the same of 1,000 that were changed, and accept the same', async () => {
    const names = (await readdir(corpus)).map((name) => join(corpus, name));
    const originals = await Promise.all([golden, ...names].map((name) => readFile(name)));
    const file = join(await temporaryDirectory(), 'bundle');
    const sound: Buffer[] = [];
    for (const original of originals) {
      await writeFile(file, original);
      if ((await acceptsInTypeScript(file)) === 'accepted') sound.push(original);
    }
    const random = randomFrom(2).below;
    const bundles = Array.from({ length: 1000 }, () =>
      mutate(sound[random(sound.length)] ?? Buffer.alloc(0), random),
    );
    const inC = await acceptsInC(bundles);
    const differing: string[] = [];
    let accepted = 0;
    for (const [index, bundle] of bundles.entries()) {
      await writeFile(file, bundle);
      const inTypeScript = await acceptsInTypeScript(file);
      if (inTypeScript === 'accepted') accepted += 1;
      if ((inTypeScript === 'accepted') !== (inC[index] === 'accepted')) {
        differing.push(`${index}: TypeScript: ${inTypeScript}; C: ${inC[index]}`);
      }
    }
    expect(differing).toEqual([]);
    expect(inC).toHaveLength(bundles.length);
    // Neither all nor none: the changes reach the checks, and not each is one that has to be refused.
    expect(accepted).toBeGreaterThan(50);
    expect(accepted).toBeLessThan(700);
  });
});
