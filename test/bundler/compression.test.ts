import { open } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { chooseJobs, compressFrame, compressions, encoderKey } from '../../bundler/compression.ts';

const { balanced, small } = compressions;
const plain = { level: balanced.level, frameBytes: balanced.frameBytes };
const code = await machineCode();
const text = Buffer.from(
  Array.from({ length: 10_000 }, (_, line) => `${line * 7919} says ${line % 97}\n`).join(''),
);

/** Some of Node's own; the whole would take longer to read than all tests here. */
async function machineCode(): Promise<Buffer> {
  await using file = await open(process.execPath);
  const { buffer } = await file.read(Buffer.alloc(400_000), 0, 400_000, 40_000_000);
  return buffer;
}

describe('compressFrame', () => {
  it.each([
    ['code', code],
    ['text', text],
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
  ])('gives %s back, and the same bytes each time', async (_, tar) => {
    const frame = await compressFrame(tar, balanced);
    expect(zstdDecompressSync(frame).equals(tar)).toBe(true);
    expect(frame.equals(await compressFrame(tar, balanced))).toBe(true);
  });

  it('takes for code the parameters for code, and for text those for text', async () => {
    const { codeTuning, ...forText } = balanced;
    const forCode = { ...forText, ...(codeTuning === undefined ? {} : { tuning: codeTuning }) };
    const [ofCode, ofText] = [await compressFrame(code, balanced), await compressFrame(text, balanced)];
    expect(ofCode.equals(await compressFrame(code, forCode))).toBe(true);
    expect(ofText.equals(await compressFrame(text, forText))).toBe(true);
    expect(ofCode.equals(await compressFrame(code, forText))).toBe(false);
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
