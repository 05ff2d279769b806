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

const dynamicSection = 6;

/**
 * Writes the new places of moved parts into the section headers of `bytes`, which were parsed as `elf` before the move.
 * Programs run without section headers; readelf, gdb and perf read them. Where they are absent or damaged, nothing is
 * written.
 */
export function moveSections(bytes: Buffer, elf: Elf, parts: MovedParts): void {
  const start = Number(bytes.readBigUInt64LE(40));
  const count = bytes.readUInt16LE(60);
  const complete = start > 0 && start + count * elfSizes.section <= bytes.length;
  if (!complete || bytes.readUInt16LE(58) !== elfSizes.section) return;
  const oldInterpreter = elf.segments.find(({ type }) => type === segmentTypes.interpreter);
  for (let index = 0; index < count; index++) {
    const at = start + index * elfSizes.section;
    const isDynamic = bytes.readUInt32LE(at + 4) === dynamicSection;
    const offset = Number(bytes.readBigUInt64LE(at + 24));
    if (isDynamic) {
      writePlace(bytes, at, parts.dynamic);
      // Its strings, which the symbols share: the old ones are a prefix of the new.
      const strings = bytes.readUInt32LE(at + 40);
      if (strings < count) writePlace(bytes, start + strings * elfSizes.section, parts.strings);
    } else if (offset !== 0 && offset === oldInterpreter?.offset) {
      writePlace(bytes, at, parts.interpreter);
    }
  }
}

function writePlace(bytes: Buffer, at: number, part: MovedPart): void {
  bytes.writeBigUInt64LE(BigInt(part.address), at + 16);
  bytes.writeBigUInt64LE(BigInt(part.offset), at + 24);
  bytes.writeBigUInt64LE(BigInt(part.fileBytes), at + 32);
}
