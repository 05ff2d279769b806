import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readProgram } from '../../../src/commands/publish/published-program.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../publish/failure.ts';

/** The header of a 64-bit ELF file and program headers; nothing is ever started of it. */
function elf(
  parts: { readonly machine?: number; readonly entry?: bigint; readonly interpreter?: string } = {},
): Buffer {
  const { machine = 62, entry = 0x1000n, interpreter } = parts;
  const header = Buffer.alloc(64);
  Buffer.from('7f454c46020101', 'hex').copy(header);
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(entry, 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(interpreter === undefined ? 0 : 1, 56);
  if (interpreter === undefined) return Buffer.concat([header, Buffer.alloc(200)]);
  const text = Buffer.from(`${interpreter}\0`);
  const segment = Buffer.alloc(56);
  segment.writeUInt32LE(3, 0);
  segment.writeBigUInt64LE(120n, 8);
  segment.writeBigUInt64LE(BigInt(text.length), 32);
  segment.writeBigUInt64LE(BigInt(text.length), 40);
  return Buffer.concat([header, segment, text]);
}

async function written(content: string | Buffer, name = 'server'): Promise<string> {
  const file = join(await temporaryDirectory(), name);
  await writeFile(file, content);
  return file;
}

describe('readProgram', () => {
  it.each([
    [62, 'x86_64'],
    [183, 'aarch64'],
  ])(
    'reads the processor from the header (%i), digests from the bytes, the name from the file',
    async (machine, arch) => {
      const content = Buffer.concat([elf({ machine }), Buffer.alloc(3 << 20, 'payload')]);
      const file = await written(content, 'server-1');
      const context = testContext();
      expect(await readProgram(file, {}, context)).toEqual({
        name: 'server-1',
        appVersion: '',
        arch,
        file,
        sizeBytes: content.length,
        sha256: sha256Hex(content),
        crc32: crc32(content),
        closureSha256: sha256Hex(content),
        entrypoint: { interpreter: null, init: false },
        imageSettings: null,
        toolVersion: null,
        contents: null,
      });
      expect(context.events.filter(({ kind }) => kind === 'warning')).toEqual([]);
      expect(context.events.at(-1)).toMatchObject({ doneBytes: content.length, totalBytes: content.length });
    },
  );

  it('is called as it is told', async () => {
    const names = { name: 'web', appVersion: '2.0' };
    expect(await readProgram(await written(elf()), names, testContext())).toMatchObject(names);
    const failure = await failureOf(readProgram(await written(elf()), { name: 'a/b' }, testContext()));
    expect(failure.code).toBe('name-invalid');
  });

  it('warns of one that needs a loader', async () => {
    const context = testContext();
    const file = await written(elf({ interpreter: '/lib64/ld-linux-x86-64.so.2' }));
    await readProgram(file, {}, context);
    expect(context.events.filter(({ kind }) => kind === 'warning')).toMatchObject([
      { code: 'program-not-static', hint: expect.stringContaining(`saddlebag bundle program:${file}`) },
    ]);
  });

  it.each<[string, string | Buffer, string, string]>([
    ['a script', '#!/bin/sh\n', 'not-a-bundle', 'it is a script, which runs only where its interpreter is'],
    ['data', 'hello', 'not-a-bundle', 'it is neither a bundle nor a program'],
    ['nothing', '', 'not-a-bundle', 'it is neither a bundle nor a program'],
    ['a library', elf({ entry: 0n }), 'not-a-bundle', 'it is a library, which does not start'],
    [
      'a bundle that was cut',
      Buffer.concat([elf(), Buffer.from('SADDLEBAG_STRATEGY')]),
      'not-a-bundle',
      'cut off or stripped',
    ],
    ['a program for another processor', elf({ machine: 40 }), 'arch-unsupported', 'arm'],
    ['the beginning of a program', elf().subarray(0, 20), 'elf-invalid', ''],
  ])('refuses %s', async (_, content, code, reason) => {
    const failure = await failureOf(readProgram(await written(content), {}, testContext()));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(reason);
  });

  it('knows the runtime of every processor again', async () => {
    for (const arch of ['x86_64', 'aarch64']) {
      const runtime = new URL(`../../../bundler/runtime/out/saddlebag-runtime-${arch}`, import.meta.url);
      const failure = await failureOf(readProgram(await written(await readFile(runtime)), {}, testContext()));
      expect(failure.message).toContain('a bundle that was cut off or stripped');
    }
  });
});
