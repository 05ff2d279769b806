import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/core/digest.ts';
import { fileContent, textContent } from '../../../src/publish/content.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from './failure.ts';

async function writeSample(text: string) {
  const file = join(await temporaryDirectory(), 'sample');
  await writeFile(file, text);
  return { file, promised: { sizeBytes: text.length, sha256: sha256Hex(text), crc32: crc32(text) } };
}

const collect = (chunks: AsyncIterable<Uint8Array>) =>
  Array.fromAsync(chunks, (chunk) => Buffer.from(chunk).toString());

describe('fileContent', () => {
  it('yields the bytes in order, each time it is asked', async () => {
    const { file, promised } = await writeSample('abcdefgh');
    const content = fileContent(file, promised);
    expect(await collect(content.chunks(3))).toEqual(['abc', 'def', 'gh']);
    expect(await collect(content.chunks(8))).toEqual(['abcdefgh']);
  });

  it('yields nothing of an empty file', async () => {
    const { file, promised } = await writeSample('');
    expect(await collect(fileContent(file, promised).chunks(3))).toEqual([]);
  });

  it.each([
    ['changed', 'abcdefgX'],
    ['grown', 'abcdefghi'],
    ['cut', 'abcdef'],
  ])('ends with an error when the file was %s', async (_, text) => {
    const { file, promised } = await writeSample('abcdefgh');
    await writeFile(file, text);
    const failure = await failureOf(collect(fileContent(file, promised).chunks(3)));
    expect(failure.code).toBe('file-changed');
    expect(failure.message).toBe(`cannot publish ${file}: it changed while it was published`);
  });

  it('ends with an error when the file is cut while it is read', async () => {
    const { file, promised } = await writeSample('abcdefgh');
    const chunks = fileContent(file, promised).chunks(3);
    await chunks.next();
    await truncate(file, 4);
    const failure = await failureOf(collect(chunks));
    expect(failure.code).toBe('file-changed');
  });

  it('names a file that is not there', async () => {
    const { file, promised } = await writeSample('abc');
    const failure = await failureOf(collect(fileContent(`${file}-gone`, promised).chunks(3)));
    expect(failure.code).toBe('file-unreadable');
    expect(failure.message).toBe(`cannot read ${file}-gone: no such file or directory`);
  });
});

describe('an open content', () => {
  it('is read at any place, from a file as from a text', async () => {
    const { file, promised } = await writeSample('abcdefgh');
    for (const content of [fileContent(file, promised), textContent('abcdefgh')]) {
      await using opened = await content.open();
      const buffer = Buffer.alloc(3);
      await opened.read(buffer, 5);
      expect(buffer.toString()).toBe('fgh');
      await opened.read(buffer.subarray(0, 2), 0);
      expect(buffer.toString()).toBe('abh');
      expect(content.crc32).toBe(crc32('abcdefgh'));
    }
  });

  it('ends with an error where the file has no more', async () => {
    const { file, promised } = await writeSample('abcdefgh');
    await using opened = await fileContent(file, promised).open();
    const failure = await failureOf(opened.read(Buffer.alloc(3), 6));
    expect(failure.code).toBe('file-changed');
  });
});

describe('textContent', () => {
  it('counts bytes, not characters', async () => {
    const content = textContent('é');
    expect(content.sizeBytes).toBe(2);
    expect(content.sha256).toBe(sha256Hex('é'));
    expect(Buffer.concat(await Array.fromAsync(content.chunks(1))).toString()).toBe('é');
  });
});
