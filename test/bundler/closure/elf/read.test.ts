import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../../bundler/closure/elf/bytes.ts';
import { parseElf, readElf } from '../../../../bundler/closure/elf/read.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';
import { buildElf } from './build-elf.ts';

const program = { interpreter: '/lib64/ld.so', needed: ['liba.so.1', 'libc.so.6'] };

/** Writes a number into a copy of a good file; segment `index` begins at 64 + 56 × index. */
function damaged(at: number, value: bigint): Buffer {
  const bytes = buildElf(program);
  bytes.writeBigUInt64LE(value, at);
  return bytes;
}

describe('parseElf', () => {
  it('reads what a program asks for', () => {
    const elf = parseElf(bytesOf(buildElf({ ...program, runpath: '$ORIGIN/lib' })), '/app');
    expect(elf).toMatchObject({
      file: '/app',
      arch: 'x86_64',
      interpreter: '/lib64/ld.so',
      needed: ['liba.so.1', 'libc.so.6'],
      soname: null,
      rpath: null,
      runpath: '$ORIGIN/lib',
    });
  });

  it('reads a library for the other processor', () => {
    const elf = parseElf(
      bytesOf(buildElf({ machine: 183, soname: 'libx.so.2', rpath: '/opt/lib' })),
      '/libx',
    );
    expect(elf).toMatchObject({ arch: 'aarch64', interpreter: null, soname: 'libx.so.2', rpath: '/opt/lib' });
  });

  it('reads a static program', () => {
    expect(parseElf(bytesOf(buildElf({ isStatic: true })), '/app')).toMatchObject({
      dynamic: null,
      needed: [],
    });
  });

  it.each([
    ['arm', 18, 40, 'it is made for arm, not for x86_64 or aarch64'],
    ['an unknown machine', 18, 9999, 'it is made for machine 9999, not for x86_64 or aarch64'],
  ])('refuses %s', (_, at, value, reason) => {
    const bytes = buildElf(program);
    bytes.writeUInt16LE(value, at);
    expect(() => parseElf(bytesOf(bytes), '/app')).toThrow(
      expect.objectContaining({ code: 'arch-unsupported', message: `cannot bundle /app: ${reason}` }),
    );
  });

  it.each([
    [4, 1, '32-bit'],
    [5, 2, 'big-endian'],
  ])('refuses another word size or byte order (byte %d)', (at, value, found) => {
    const bytes = buildElf(program);
    bytes[at] = value;
    expect(() => parseElf(bytesOf(bytes), '/app')).toThrow(
      expect.objectContaining({
        code: 'arch-unsupported',
        message: `cannot bundle /app: it is made for ${found}, not for x86_64 or aarch64`,
      }),
    );
  });

  it('refuses an object file', () => {
    const bytes = buildElf(program);
    bytes.writeUInt16LE(1, 16);
    expect(() => parseElf(bytesOf(bytes), '/app.o')).toThrow(
      expect.objectContaining({
        code: 'elf-unsupported',
        message: 'cannot read /app.o: it is neither a program nor a library',
      }),
    );
  });

  it.each([
    ['a header cut off', buildElf(program).subarray(0, 63), 'the header is cut off'],
    ['program headers past the end', damaged(32, 1n << 40n), 'the program headers would end past the file'],
    ['a number beyond all files', damaged(32, 1n << 60n), `a number of ${1n << 60n}`],
    ['a segment past the end', damaged(64 + 56 + 8, 1n << 40n), 'a segment would end past the file'],
    ['a dynamic section without end', damaged(64 + 112 + 32, 16n), 'its dynamic section does not end'],
    ['an interpreter without end', damaged(64 + 32, 3n), 'the name of its interpreter does not end'],
    [
      'an interpreter that no kernel would read',
      buildElf({ interpreter: 'x'.repeat(5_000) }),
      'the name of its interpreter does not end',
    ],
    [
      'five thousand libraries, each of which may name all of the strings',
      buildElf({ needed: Array.from({ length: 5_000 }, () => 'a') }),
      'a dynamic section of 80048 bytes',
    ],
    [
      'a library with a name of a megabyte',
      buildElf({ needed: ['x'.repeat(1 << 20)] }),
      'a string does not end',
    ],
  ])('refuses %s', (_, bytes, reason) => {
    expect(() => parseElf(bytesOf(bytes), '/app')).toThrow(
      expect.objectContaining({
        code: 'elf-invalid',
        message: `cannot read /app: damaged ELF file: ${reason}`,
      }),
    );
  });

  it('refuses strings outside the file and names outside the strings', () => {
    const { segments, dynamic } = parseElf(bytesOf(buildElf(program)), '/app');
    const at = (segments[2]?.offset ?? 0) + 8;
    const index = (tag: bigint) => dynamic?.findIndex((entry) => entry.tag === tag) ?? -1;
    expect(() => parseElf(bytesOf(damaged(at + 16 * index(5n), 1n)), '/app')).toThrow(
      'its strings are in no segment',
    );
    expect(() => parseElf(bytesOf(damaged(at + 16 * index(10n), 1n << 40n)), '/app')).toThrow(
      'the string table would end past the file',
    );
    expect(() => parseElf(bytesOf(damaged(at, 999n)), '/app')).toThrow(
      'a string lies outside the string table',
    );
  });

  it('survives any single byte set to any of three values, or says elf-invalid', () => {
    const good = buildElf({ ...program, runpath: '/x' });
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        try {
          parseElf(bytesOf(bytes), '/app');
        } catch (error) {
          expect(['elf-invalid', 'elf-unsupported', 'arch-unsupported']).toContain(
            (error as { code?: string }).code,
          );
        }
      }
    }
  });
});

describe('readElf', () => {
  it('returns null for anything else', async () => {
    const file = join(await temporaryDirectory(), 'text');
    await writeFile(file, 'x');
    expect(await readElf(file)).toBeNull();
  });

  it('names a file that it cannot read', async () => {
    const file = join(await temporaryDirectory(), 'absent');
    await expect(readElf(file)).rejects.toMatchObject({
      code: 'tree-unreadable',
      message: `cannot read ${file}: no such file or directory`,
    });
  });
});
