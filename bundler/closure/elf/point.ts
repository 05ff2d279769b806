import { SaddlebagError } from '../../../src/core/errors.ts';
import type { FileBytes, Patch } from './bytes.ts';
import {
  type DynamicEntry,
  dynamicTags,
  type Elf,
  type ElfSegment,
  elfSizes,
  segmentTypes,
} from './layout.ts';
import { findStringTable, readStrings } from './read.ts';
import { endOfSections, moveSections } from './sections.ts';

/** Where an edited program finds its loader and its libraries. */
export interface PointTarget {
  /** Absolute path of the dynamic loader. */
  readonly interpreter: string;
  /** Directories for DT_RPATH, in order; `$ORIGIN` may stand in them. */
  readonly searchPath: readonly string[];
}

/** Largest page of a kernel for that processor: addresses and offsets must agree modulo it. */
const pageBytes = { x86_64: 4096, aarch64: 65536 } as const;

const readWrite = 6;

// In the order in which they are given up. Notes hold build ids, for debuggers. PT_GNU_RELRO hardens the program's own
// tables; programs of lld with musl have no note, and the kernel finds a moved table of program headers only since 5.18.
const dispensable = [segmentTypes.null, segmentTypes.note, segmentTypes.relro] as const;

/**
 * Returns what to patch in a dynamic program so that it starts with another loader and searches other directories for
 * libraries.
 *
 * Nothing in the file moves. A segment is appended that holds a longer string table, a new dynamic section and the
 * loader's path; PT_DYNAMIC and PT_INTERP point into it, and a program header that nothing needs to run gives up its
 * place for the segment's PT_LOAD. The segment is writable because the loader relocates the dynamic section in place.
 *
 * DT_RPATH and not DT_RUNPATH: it also serves the needs of libraries and what they open at run time, so that only
 * programs have to be edited.
 * @throws {SaddlebagError} `elf-unsupported` for a static program or one with no header to give up
 */
export function pointProgram(bytes: FileBytes, elf: Elf, target: PointTarget): Patch[] {
  if (elf.dynamic === null || elf.interpreter === null) throw unsupported(elf, 'it is not a dynamic program');
  const page = pageBytes[elf.arch];
  const offset = roundUp(bytes.length, page);
  const loads = elf.segments.filter(({ type }) => type === segmentTypes.load);
  const address = roundUp(Math.max(...loads.map((load) => load.address + load.memoryBytes)), page);
  const content = encodeContent(bytes, { elf, dynamic: elf.dynamic, target, address });
  const place = (start: number, size: number) => ({
    offset: offset + start,
    address: address + start,
    fileBytes: size,
    memoryBytes: size,
  });
  const places = {
    strings: place(0, content.stringsBytes),
    dynamic: place(content.dynamicStart, content.dynamicBytes),
    interpreter: place(content.interpreterStart, content.bytes.length - content.interpreterStart),
  };
  const segments = elf.segments.map((segment) => {
    if (segment.type === segmentTypes.dynamic) return { ...segment, ...places.dynamic };
    return segment.type === segmentTypes.interpreter ? { ...segment, ...places.interpreter } : segment;
  });
  const load = {
    type: segmentTypes.load,
    flags: readWrite,
    align: page,
    ...place(0, content.bytes.length),
  };
  return [
    encodeSegments(bytes, insertLoad(segments, load, elf)),
    ...moveSections(bytes, elf, places),
    { offset, bytes: content.bytes },
  ];
}

/**
 * Returns what to patch in a library so that it has neither DT_RPATH nor DT_RUNPATH, and its needs are searched for where
 * its program says; nothing where it has neither. Nothing moves: later entries of the dynamic section close the gap.
 */
export function dropSearchPath(elf: Elf): Patch[] {
  return rewriteDynamic(elf, (entries) => entries.filter((entry) => !isSearchPath(entry)));
}

/**
 * Returns what to patch in a library so that its DT_RUNPATH is a DT_RPATH: its own directories still come first, and
 * those of its program are no longer hidden.
 */
export function openSearchPath(elf: Elf): Patch[] {
  return rewriteDynamic(elf, (entries) =>
    entries
      // With both, the loader uses DT_RUNPATH alone: the other would come to life.
      .filter(({ tag }) => tag !== dynamicTags.rpath || elf.runpath === null)
      .map((entry) => (entry.tag === dynamicTags.runpath ? { ...entry, tag: dynamicTags.rpath } : entry)),
  );
}

/**
 * Counts the bytes behind everything that the headers of an ELF file know of: a payload that the program finds from the
 * end of its own file (self-extracting archives, single-file runtimes).
 */
export function appendedBytes(bytes: FileBytes, elf: Elf): number {
  const ends = elf.segments
    .filter(({ type }) => type === segmentTypes.load)
    .map(({ offset, fileBytes }) => offset + fileBytes);
  // Where there are no section headers (sstrip), the segments end the file.
  return Math.max(0, bytes.length - Math.max(endOfSections(bytes), ...ends));
}

interface Content {
  readonly bytes: Buffer;
  readonly stringsBytes: number;
  readonly dynamicStart: number;
  readonly dynamicBytes: number;
  readonly interpreterStart: number;
}

function encodeContent(
  bytes: FileBytes,
  {
    elf,
    dynamic,
    target,
    address,
  }: {
    readonly elf: Elf;
    readonly dynamic: readonly DynamicEntry[];
    readonly target: PointTarget;
    /** Where the content will be in memory. */
    readonly address: number;
  },
): Content {
  const old = readStrings(bytes, findStringTable(bytes, elf.segments, dynamic, elf.file));
  const strings = padToEight(Buffer.concat([old, Buffer.from(`${target.searchPath.join(':')}\0`)]));
  const section = encodeDynamic([
    ...dynamic
      .filter((entry) => !isSearchPath(entry))
      .map((entry) => {
        if (entry.tag === dynamicTags.stringTable) return { ...entry, value: BigInt(address) };
        return entry.tag === dynamicTags.stringTableBytes
          ? { ...entry, value: BigInt(strings.length) }
          : entry;
      }),
    { tag: dynamicTags.rpath, value: BigInt(old.length) },
    { tag: dynamicTags.null, value: 0n },
  ]);
  return {
    bytes: Buffer.concat([strings, section, Buffer.from(`${target.interpreter}\0`)]),
    stringsBytes: strings.length,
    dynamicStart: strings.length,
    dynamicBytes: section.length,
    interpreterStart: strings.length + section.length,
  };
}

/** The kernel maps segments in the order of the headers, which must be that of their addresses. */
function insertLoad(segments: readonly ElfSegment[], load: ElfSegment, elf: Elf): ElfSegment[] {
  const spare = dispensable
    .map((given) => segments.findLastIndex(({ type }) => type === given))
    .find((index) => index >= 0);
  if (spare === undefined) throw unsupported(elf, 'it has no program header to spare');
  const kept = segments.toSpliced(spare, 1);
  return kept.toSpliced(kept.findLastIndex(({ type }) => type === segmentTypes.load) + 1, 0, load);
}

function encodeSegments(bytes: FileBytes, segments: readonly ElfSegment[]): Patch {
  const table = Buffer.alloc(segments.length * elfSizes.segment);
  for (const [index, segment] of segments.entries()) {
    const at = index * elfSizes.segment;
    table.writeUInt32LE(segment.type, at);
    table.writeUInt32LE(segment.flags, at + 4);
    table.writeBigUInt64LE(BigInt(segment.offset), at + 8);
    table.writeBigUInt64LE(BigInt(segment.address), at + 16);
    // The physical address means nothing to a program.
    table.writeBigUInt64LE(BigInt(segment.address), at + 24);
    table.writeBigUInt64LE(BigInt(segment.fileBytes), at + 32);
    table.writeBigUInt64LE(BigInt(segment.memoryBytes), at + 40);
    table.writeBigUInt64LE(BigInt(segment.align), at + 48);
  }
  return { offset: Number(bytes.slice(32, 8).readBigUInt64LE(0)), bytes: table };
}

function rewriteDynamic(
  elf: Elf,
  rewrite: (entries: readonly DynamicEntry[]) => readonly DynamicEntry[],
): Patch[] {
  const segment = elf.segments.find(({ type }) => type === segmentTypes.dynamic);
  if (segment === undefined || elf.dynamic === null || !elf.dynamic.some(isSearchPath)) return [];
  const section = Buffer.alloc(elf.dynamic.length * elfSizes.dynamic);
  encodeDynamic(rewrite(elf.dynamic)).copy(section);
  return [{ offset: segment.offset, bytes: section }];
}

function encodeDynamic(entries: readonly DynamicEntry[]): Buffer {
  const section = Buffer.alloc(entries.length * elfSizes.dynamic);
  for (const [index, { tag, value }] of entries.entries()) {
    section.writeBigInt64LE(tag, index * elfSizes.dynamic);
    section.writeBigUInt64LE(value, index * elfSizes.dynamic + 8);
  }
  return section;
}

function isSearchPath({ tag }: DynamicEntry): boolean {
  return tag === dynamicTags.rpath || tag === dynamicTags.runpath;
}

function padToEight(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(roundUp(bytes.length, 8) - bytes.length)]);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function unsupported(elf: Elf, reason: string): SaddlebagError {
  return new SaddlebagError(
    'elf-unsupported',
    `cannot point ${elf.file} at its bundled libraries: ${reason}`,
    { hint: 'link it with -Wl,--build-id, or statically' },
  );
}
