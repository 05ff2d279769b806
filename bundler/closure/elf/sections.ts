import type { FileBytes, Patch } from './bytes.ts';
import { type Elf, elfSizes, segmentTypes } from './layout.ts';

/** Where a part of a file has gone. */
export interface MovedPart {
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
}

/** The three parts of a program that pointing it elsewhere moves. */
export interface MovedParts {
  readonly strings: MovedPart;
  readonly dynamic: MovedPart;
  readonly interpreter: MovedPart;
}

/** Types of sections. Source: System V ABI, "Sections". */
const sectionTypes = { dynamic: 6, noBits: 8 } as const;

/**
 * Returns section headers that name the new places of moved parts, for a file that was parsed as `elf` before the move.
 * Programs run without section headers; readelf, gdb and perf read them. Where they are absent or damaged there is
 * nothing to patch.
 */
export function moveSections(bytes: FileBytes, elf: Elf, parts: MovedParts): Patch[] {
  const table = readSections(bytes);
  if (table === null) return [];
  const headers = Buffer.from(table.bytes);
  const oldInterpreter = elf.segments.find(({ type }) => type === segmentTypes.interpreter);
  for (let at = 0; at < headers.length; at += elfSizes.section) {
    const offset = Number(headers.readBigUInt64LE(at + 24));
    if (headers.readUInt32LE(at + 4) === sectionTypes.dynamic) {
      writePlace(headers, at, parts.dynamic);
      // Its strings, which the symbols share: the old ones are a prefix of the new.
      const strings = headers.readUInt32LE(at + 40) * elfSizes.section;
      if (strings < headers.length) writePlace(headers, strings, parts.strings);
    } else if (offset !== 0 && offset === oldInterpreter?.offset) {
      writePlace(headers, at, parts.interpreter);
    }
  }
  return [{ offset: table.offset, bytes: headers }];
}

/**
 * Returns where the last section, or the table of their headers, ends in the file; 0 where there are none.
 */
export function endOfSections(bytes: FileBytes): number {
  const table = readSections(bytes);
  if (table === null) return 0;
  let end = table.offset + table.bytes.length;
  for (let at = 0; at < table.bytes.length; at += elfSizes.section) {
    if (table.bytes.readUInt32LE(at + 4) === sectionTypes.noBits) continue;
    const sectionEnd = table.bytes.readBigUInt64LE(at + 24) + table.bytes.readBigUInt64LE(at + 32);
    end = Math.max(end, Number(sectionEnd));
  }
  return end;
}

/** Reads the table of section headers; null where it does not lie in the file. */
function readSections(bytes: FileBytes): Patch | null {
  const header = bytes.slice(0, elfSizes.header);
  const offset = Number(header.readBigUInt64LE(40));
  const size = header.readUInt16LE(60) * elfSizes.section;
  const isThere = offset > 0 && size > 0 && offset + size <= bytes.length;
  if (!isThere || header.readUInt16LE(58) !== elfSizes.section) return null;
  return { offset, bytes: bytes.slice(offset, size) };
}

function writePlace(headers: Buffer, at: number, part: MovedPart): void {
  headers.writeBigUInt64LE(BigInt(part.address), at + 16);
  headers.writeBigUInt64LE(BigInt(part.offset), at + 24);
  headers.writeBigUInt64LE(BigInt(part.fileBytes), at + 32);
}
