import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { chooseJobs, compressFrame, compressions, encoderKey } from '../../bundler/compression.ts';

const { balanced, small } = compressions;
const plain = { level: balanced.level, frameBytes: balanced.frameBytes };
const code = readFileSync(process.execPath).subarray(40_000_000, 42_000_000);
const text = Buffer.from(
  Array.from({ length: 40_000 }, (_, line) => `${line * 7919} says ${line % 97}\n`).join(''),
);

describe('compressFrame', () => {
  it.each([
    ['code', code],
    ['text', text],
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
  ])('gives %s back, and the same bytes each time', async (_, tar) => {
    const frame = await compressFrame(tar, balanced);
    expect(zstdDecompressSync(frame).equals(tar)).toBe(true);
    expect(await compressFrame(tar, balanced)).toEqual(frame);
  });

  it('takes for code the parameters for code, and for text those for text', async () => {
    const { codeTuning, ...forText } = balanced;
    const forCode = { ...forText, ...(codeTuning === undefined ? {} : { tuning: codeTuning }) };
    expect(await compressFrame(code, balanced)).toEqual(await compressFrame(code, forCode));
    expect(await compressFrame(text, balanced)).toEqual(await compressFrame(text, forText));
    expect(await compressFrame(code, balanced)).not.toEqual(await compressFrame(code, forText));
  });
});

describe('encoderKey', () => {
  it('differs with all that decides the bytes', () => {
    const { codeTuning: _, ...withoutCode } = balanced;
    const keys = [plain, balanced, withoutCode, small, { ...balanced, level: 13 }].map(encoderKey);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('chooseJobs', () => {
  const memoryBytes = 2 ** 36;

  it('is one a processor where there is memory, and fewer where there is not', () => {
    expect(chooseJobs(balanced, { processors: 2, memoryBytes })).toBe(2);
    expect(chooseJobs(balanced, { processors: 64, memoryBytes: 2 ** 30 })).toBe(6);
    expect(chooseJobs(small, { processors: 64, memoryBytes: 2 ** 30 })).toBe(2);
    expect(chooseJobs(small, { processors: 64, memoryBytes })).toBeGreaterThan(
      chooseJobs(small, { processors: 64, memoryBytes: 2 ** 33 }),
    );
  });
});
