import type { Arch, BindPolicy, EnvPolicy } from '../../src/core/types.ts';

/** The numbers of FORMAT.md, named. Offsets inside a record are written where the record is encoded. */
export const formatVersion = 2;
export const magic = Buffer.from('SADLEBAG', 'ascii');
export const trailerBytes = 72;
export const headerFixedBytes = 232;
export const maxHeaderBytes = 16 * 1024 * 1024;
export const pathRecordBytes = 128;
export const frameRecordBytes = 32;
export const rowBytes = 48;
export const maxFrameBytes = 64 * 1024 * 1024;
/** What a decoder has to keep of a frame at most: 2 × maxFrameBytes, and what zstd takes without being told to. */
export const maxWindowBytes = 128 * 1024 * 1024;
export const dataAlignment = 4096;
export const indexFrameMagic = 0x184d2a5e;
export const headerFrameMagic = 0x184d2a5f;
export const skippableHeaderBytes = 8;
/** The two blocks of zeros that end a tar, which the last data frame holds. */
export const tarEndBytes = 1024;

/** `e_machine` of an ELF file. Source: System V ABI, processor supplements. */
export const machines: Readonly<Record<Arch, number>> = { x86_64: 62, aarch64: 183 };

/** Bits of the header's flags. Source: FORMAT.md, "Header". */
export const flags = { ownLoader: 1, init: 2, noOptions: 4, ownName: 8 } as const;
/** All of them: a bundle with any other is of a newer Saddlebag. */
export const knownFlags = flags.ownLoader | flags.init | flags.noOptions | flags.ownName;

/** What a record of a variable does to the environment, by its number. Source: FORMAT.md, "Header". */
export const envPolicies = [
  'where-unset',
  'always',
  'prepend',
  'append',
  'unset',
  'where-unset-if-present',
] as const satisfies readonly EnvPolicy[];

/** When a bind is made, by its number. Source: FORMAT.md, "Header". */
export const bindPolicies = ['where-absent', 'always'] as const satisfies readonly BindPolicy[];

/** What an entry is, by its number. Source: FORMAT.md, "Index". */
export const rowKinds = { directory: 1, file: 2, symlink: 3, link: 4 } as const;

/** Returns the zeros that bring `offset` to a multiple of `alignment`. */
export function paddingTo(offset: number, alignment: number): number {
  return (alignment - (offset % alignment)) % alignment;
}

/** Flips the top bit of each byte in place, which hides and restores strings, and returns the buffer. */
export function flipStrings(bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at++) bytes[at] = (bytes[at] ?? 0) ^ 0x80;
  return bytes;
}
