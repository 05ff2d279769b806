import { open, readFile } from 'node:fs/promises';
import { SaddlebagError } from '../../../src/core/errors.ts';
import type { Arch } from '../../../src/core/types.ts';
import { unreadable } from '../unreadable.ts';
import { type FileBytes, openBytes } from './bytes.ts';
import {
  type DynamicEntry,
  dynamicTags,
  type Elf,
  type ElfSegment,
  elfSizes,
  segmentTypes,
} from './layout.ts';

const machines: Readonly<Record<number, Arch>> = { 62: 'x86_64', 183: 'aarch64' };
const otherMachines: Readonly<Record<number, string>> = {
  3: 'i386',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  243: 'riscv64',
  258: 'loongarch64',
};

/** True when bytes begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Parses a file, of which only the tables are read; returns null for one that is no ELF file.
 * @throws {SaddlebagError} as `parseElf`, and `tree-unreadable`
 */
export async function readElf(file: string): Promise<Elf | null> {
  using bytes = openBytes(file);
  return isElf(bytes.slice(0, 4)) ? parseElf(bytes, file) : null;
}

/**
 * Reads up to `count` bytes from the beginning of a file.
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function readStart(file: string, count: number): Promise<Buffer> {
  try {
    await using handle = await open(file, 'r');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/**
 * Reads a whole file; for scripts, not for programs.
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function readWhole(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
}

/**
 * Parses a 64-bit little-endian ELF program or library; `file` names it in errors. Every number is checked against the
 * size of the file.
 * Source: System V ABI, chapters 4 and 5; elf(5).
 * @throws {SaddlebagError} `arch-unsupported` for another processor or word size, `elf-invalid` for a damaged file,
 *   `elf-unsupported` for one that is neither program nor library
 */
export function parseElf(bytes: FileBytes, file: string): Elf {
  const header = bytes.slice(0, elfSizes.header);
  const arch = readArch(header, file);
  const type = header.readUInt16LE(16);
  if (type !== 2 && type !== 3) {
    throw new SaddlebagError('elf-unsupported', `cannot read ${file}: it is neither a program nor a library`);
  }
  const segments = readSegments(bytes, header, file);
  const dynamic = readDynamic(bytes, segments, file);
  const text = stringReader(bytes, segments, dynamic ?? [], file);
  const first = (tag: bigint): string | null => {
    const entry = dynamic?.find((candidate) => candidate.tag === tag);
    return entry === undefined ? null : text(entry.value);
  };
  return {
    file,
    arch,
    segments,
    interpreter: readInterpreter(bytes, segments, file),
    dynamic,
    needed: (dynamic ?? []).filter(({ tag }) => tag === dynamicTags.needed).map(({ value }) => text(value)),
    soname: first(dynamicTags.soname),
    rpath: first(dynamicTags.rpath),
    runpath: first(dynamicTags.runpath),
  };
}

/**
 * Returns the processor that an ELF file is for, from its first 64 bytes.
 * @throws {SaddlebagError} `arch-unsupported`, `elf-invalid`
 */
export function readArch(bytes: Buffer, file: string): Arch {
  if (bytes.length < elfSizes.header) throw invalid(file, 'the header is cut off');
  if (!isElf(bytes)) throw invalid(file, 'it does not begin with the magic of ELF');
  if (bytes[4] !== 2) throw otherArch(file, '32-bit');
  if (bytes[5] !== 1) throw otherArch(file, 'big-endian');
  const machine = bytes.readUInt16LE(18);
  const arch = machines[machine];
  if (arch === undefined) throw otherArch(file, otherMachines[machine] ?? `machine ${machine}`);
  return arch;
}

function readSegments(bytes: FileBytes, header: Buffer, file: string): ElfSegment[] {
  const offset = readNumber(header, 32, file);
  const size = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  if (count === 0) return [];
  if (size !== elfSizes.segment) throw invalid(file, `a program header of ${size} bytes`);
  requireRange(bytes, { what: 'the program headers', offset, size: count * size }, file);
  const table = bytes.slice(offset, count * size);
  const segments = Array.from({ length: count }, (_, index) => readSegment(table, index * size, file));
  for (const { type, ...segment } of segments) {
    if (type < segmentTypes.load || type > segmentTypes.interpreter) continue;
    requireRange(bytes, { what: 'a segment', offset: segment.offset, size: segment.fileBytes }, file);
  }
  return segments;
}

function readSegment(table: Buffer, at: number, file: string): ElfSegment {
  return {
    type: table.readUInt32LE(at),
    flags: table.readUInt32LE(at + 4),
    offset: readNumber(table, at + 8, file),
    address: readNumber(table, at + 16, file),
    fileBytes: readNumber(table, at + 32, file),
    memoryBytes: readNumber(table, at + 40, file),
    align: readNumber(table, at + 48, file),
  };
}

function readInterpreter(bytes: FileBytes, segments: readonly ElfSegment[], file: string): string | null {
  const segment = segments.find(({ type }) => type === segmentTypes.interpreter);
  if (segment === undefined) return null;
  const text = bytes.slice(segment.offset, Math.min(segment.fileBytes, longestInterpreter));
  const end = text.indexOf(0);
  if (end < 1) throw invalid(file, 'the name of its interpreter does not end');
  return text.toString('utf8', 0, end);
}

function readDynamic(bytes: FileBytes, segments: readonly ElfSegment[], file: string): DynamicEntry[] | null {
  const segment = segments.find(({ type }) => type === segmentTypes.dynamic);
  // Debug files keep the header of a section whose content was taken out.
  if (segment === undefined || segment.fileBytes === 0) return null;
  if (segment.fileBytes > mostDynamicBytes)
    throw invalid(file, `a dynamic section of ${segment.fileBytes} bytes`);
  const entries: DynamicEntry[] = [];
  const section = bytes.slice(segment.offset, segment.fileBytes);
  for (let at = 0; at + elfSizes.dynamic <= section.length; at += elfSizes.dynamic) {
    const tag = section.readBigInt64LE(at);
    if (tag === dynamicTags.null) return entries;
    entries.push({ tag, value: section.readBigUInt64LE(at + 8) });
  }
  throw invalid(file, 'its dynamic section does not end');
}

/** It holds the names of all symbols; the largest libraries come to some 20 MB. */
const mostStringBytes = 1 << 29;

/** Where a file keeps the strings of its dynamic section. */
export interface StringTable {
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Finds the string table that a dynamic section names by its address.
 * @throws {SaddlebagError} `elf-invalid` when the section names none, or one outside the file
 */
export function findStringTable(
  bytes: FileBytes,
  segments: readonly ElfSegment[],
  dynamic: readonly DynamicEntry[],
  file: string,
): StringTable {
  const value = (tag: bigint) => dynamic.find((entry) => entry.tag === tag)?.value;
  const address = value(dynamicTags.stringTable);
  const sizeBytes = Number(value(dynamicTags.stringTableBytes) ?? 0n);
  const segment = segments.find(
    ({ type, address: start, fileBytes }) =>
      type === segmentTypes.load &&
      address !== undefined &&
      address >= BigInt(start) &&
      address < BigInt(start + fileBytes),
  );
  if (address === undefined || segment === undefined) throw invalid(file, 'its strings are in no segment');
  const offset = Number(address) - segment.address + segment.offset;
  requireRange(bytes, { what: 'the string table', offset, size: sizeBytes }, file);
  if (sizeBytes > mostStringBytes) throw invalid(file, `a string table of ${sizeBytes} bytes`);
  return { offset, sizeBytes };
}

function stringReader(
  bytes: FileBytes,
  segments: readonly ElfSegment[],
  dynamic: readonly DynamicEntry[],
  file: string,
): (index: bigint) => string {
  // Found on first use: a static program has a dynamic section (static-pie) and may have no strings.
  let strings: Buffer | undefined;
  return (index) => {
    strings ??= readStrings(bytes, findStringTable(bytes, segments, dynamic, file));
    if (index >= BigInt(strings.length)) throw invalid(file, 'a string lies outside the string table');
    const end = strings.subarray(0, Number(index) + longestString).indexOf(0, Number(index));
    if (end < 0) throw invalid(file, 'a string does not end');
    return strings.toString('utf8', Number(index), end);
  };
}

/** Returns the bytes of a string table. */
export function readStrings(bytes: FileBytes, { offset, sizeBytes }: StringTable): Buffer {
  return bytes.slice(offset, sizeBytes);
}

/** Linux's own limit, PATH_MAX. */
const longestInterpreter = 4096;
/** 4096 entries; programs have some forty, and one for each library that they need. */
const mostDynamicBytes = 4096 * elfSizes.dynamic;
/** A search path of Nix names a directory for each library; nothing else comes near. */
const longestString = 1 << 16;

function readNumber(bytes: Buffer, at: number, file: string): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(file, `a number of ${value}`);
  return Number(value);
}

function requireRange(
  bytes: FileBytes,
  range: { readonly what: string; readonly offset: number; readonly size: number },
  file: string,
): void {
  if (range.offset + range.size > bytes.length) throw invalid(file, `${range.what} would end past the file`);
}

function invalid(file: string, reason: string): SaddlebagError {
  return new SaddlebagError('elf-invalid', `cannot read ${file}: damaged ELF file: ${reason}`, {
    hint: 'build, copy or install it again',
  });
}

function otherArch(file: string, found: string): SaddlebagError {
  return new SaddlebagError(
    'arch-unsupported',
    `cannot bundle ${file}: it is made for ${found}, not for x86_64 or aarch64`,
  );
}
