import { type Elf, elfSizes, segmentTypes } from './read.ts';

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
 * Writes the new places of moved parts into the section headers of `bytes`, which were parsed as `elf` before the move.
 * Programs run without section headers; readelf, gdb and perf read them. Where they are absent or damaged, nothing is
 * written.
 */
export function moveSections(bytes: Buffer, elf: Elf, parts: MovedParts): void {
  const headers = sectionHeaders(bytes);
  const oldInterpreter = elf.segments.find(({ type }) => type === segmentTypes.interpreter);
  for (const at of headers) {
    const offset = Number(bytes.readBigUInt64LE(at + 24));
    if (bytes.readUInt32LE(at + 4) === sectionTypes.dynamic) {
      writePlace(bytes, at, parts.dynamic);
      // Its strings, which the symbols share: the old ones are a prefix of the new.
      const strings = headers[bytes.readUInt32LE(at + 40)];
      if (strings !== undefined) writePlace(bytes, strings, parts.strings);
    } else if (offset !== 0 && offset === oldInterpreter?.offset) {
      writePlace(bytes, at, parts.interpreter);
    }
  }
}

/**
 * Returns where the last section, or the table of their headers, ends in the file; 0 where there are none.
 */
export function endOfSections(bytes: Buffer): number {
  const headers = sectionHeaders(bytes);
  const ends = headers
    .filter((at) => bytes.readUInt32LE(at + 4) !== sectionTypes.noBits)
    .map((at) => Number(bytes.readBigUInt64LE(at + 24) + bytes.readBigUInt64LE(at + 32)));
  return Math.max(0, (headers.at(-1) ?? -elfSizes.section) + elfSizes.section, ...ends);
}

/** Lists the offsets of the section headers; none where the table does not lie in the file. */
function sectionHeaders(bytes: Buffer): number[] {
  const start = Number(bytes.readBigUInt64LE(40));
  const count = bytes.readUInt16LE(60);
  const isThere = start > 0 && start + count * elfSizes.section <= bytes.length;
  if (!isThere || bytes.readUInt16LE(58) !== elfSizes.section) return [];
  return Array.from({ length: count }, (_, index) => start + index * elfSizes.section);
}

function writePlace(bytes: Buffer, at: number, part: MovedPart): void {
  bytes.writeBigUInt64LE(BigInt(part.address), at + 16);
  bytes.writeBigUInt64LE(BigInt(part.offset), at + 24);
  bytes.writeBigUInt64LE(BigInt(part.fileBytes), at + 32);
}
