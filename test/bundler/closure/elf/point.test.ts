import { describe, expect, it } from 'vitest';
import { bytesOf, type Patch } from '../../../../bundler/closure/elf/bytes.ts';
import {
  appendedBytes,
  dropSearchPath,
  openSearchPath,
  pointProgram,
} from '../../../../bundler/closure/elf/point.ts';
import { parseElf } from '../../../../bundler/closure/elf/read.ts';
import { buildElf, type ElfSketch } from './build-elf.ts';

const target = { interpreter: '/nix/store/x/lib/ld.so', searchPath: ['$ORIGIN/lib', '/nix/store/x/lib'] };
const program: ElfSketch = {
  interpreter: '/lib64/ld.so',
  needed: ['libc.so.6'],
  rpath: '/old',
  runpath: '/older',
};

function parse(bytes: Buffer, file = '/app') {
  return parseElf(bytesOf(bytes), file);
}

function patched(bytes: Buffer, patches: readonly Patch[]): Buffer {
  const end = Math.max(bytes.length, ...patches.map((patch) => patch.offset + patch.bytes.length));
  const edited = Buffer.concat([bytes, Buffer.alloc(end - bytes.length)]);
  for (const patch of patches) patch.bytes.copy(edited, patch.offset);
  return edited;
}

function point(sketch: ElfSketch) {
  const bytes = buildElf(sketch);
  const edited = patched(bytes, pointProgram(bytesOf(bytes), parse(bytes), target));
  return { bytes, edited, elf: parse(edited) };
}

describe('pointProgram', () => {
  it('sets loader and DT_RPATH, and leaves no other search path', () => {
    expect(point(program).elf).toMatchObject({
      interpreter: '/nix/store/x/lib/ld.so',
      needed: ['libc.so.6'],
      rpath: '$ORIGIN/lib:/nix/store/x/lib',
      runpath: null,
    });
  });

  it.each([
    [62, 4096],
    [183, 65536],
  ])('appends one segment behind all others, on a page of machine %d', (machine, page) => {
    const { bytes, edited, elf } = point({ ...program, machine });
    const loads = elf.segments.filter(({ type }) => type === 1);
    const [old, added] = loads;
    expect(loads).toHaveLength(2);
    expect(added?.offset).toBe(page);
    expect((added?.address ?? 0) % page).toBe(0);
    expect(added?.address).toBeGreaterThanOrEqual((old?.address ?? 0) + (old?.memoryBytes ?? 0));
    expect(edited.length).toBe(page + (added?.fileBytes ?? 0));
    expect(elf.segments.some(({ type }) => type === 4)).toBe(false);
    // All but the program headers is as it was.
    expect(edited.subarray(64 + 4 * 56, bytes.length).equals(bytes.subarray(64 + 4 * 56))).toBe(true);
  });

  it('gives up PT_GNU_RELRO where there is no note', () => {
    const { elf } = point({ ...program, last: 'relro' });
    expect(elf.interpreter).toBe(target.interpreter);
    expect(elf.segments.map(({ type }) => type)).toEqual([3, 1, 1, 2]);
  });

  it('gives the same patches each time, and leaves its argument alone', () => {
    const bytes = buildElf(program);
    const before = Buffer.from(bytes);
    const elf = parse(bytes);
    expect(pointProgram(bytesOf(bytes), elf, target)).toEqual(pointProgram(bytesOf(bytes), elf, target));
    expect(bytes.equals(before)).toBe(true);
  });

  it.each([
    ['a static program', { isStatic: true }, 'it is not a dynamic program'],
    [
      'one with no place for a segment',
      { ...program, last: 'stack' as const },
      'it has no program header to spare',
    ],
  ])('refuses %s', (_, sketch, reason) => {
    expect(() => point(sketch)).toThrow(
      expect.objectContaining({
        code: 'elf-unsupported',
        message: `cannot point /app at its bundled libraries: ${reason}`,
      }),
    );
  });
});

describe('dropSearchPath', () => {
  it('removes both tags and keeps the rest in order', () => {
    const bytes = buildElf({ soname: 'libx.so', needed: ['a', 'b'], rpath: '/r', runpath: '/s' });
    const edited = patched(bytes, dropSearchPath(parse(bytes)));
    expect(parse(edited)).toMatchObject({
      soname: 'libx.so',
      needed: ['a', 'b'],
      rpath: null,
      runpath: null,
    });
    expect(edited.length).toBe(bytes.length);
  });

  it('leaves a library without either as it is', () => {
    const bytes = buildElf({ needed: ['a'] });
    expect(dropSearchPath(parse(bytes))).toEqual([]);
  });
});

describe('openSearchPath', () => {
  it('turns DT_RUNPATH into DT_RPATH, in place of an ineffective one', () => {
    const bytes = buildElf({ rpath: '/ineffective', runpath: '$ORIGIN', needed: ['a'] });
    expect(parse(patched(bytes, openSearchPath(parse(bytes))))).toMatchObject({
      rpath: '$ORIGIN',
      runpath: null,
      needed: ['a'],
    });
  });
});

describe('appendedBytes', () => {
  it('counts what lies behind the last segment', () => {
    const bytes = buildElf(program);
    const elf = parse(bytes);
    expect(appendedBytes(bytesOf(bytes), elf)).toBe(0);
    expect(appendedBytes(bytesOf(Buffer.concat([bytes, Buffer.from('payload')])), elf)).toBe(7);
  });
});
