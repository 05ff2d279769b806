import type { Arch } from '../../../src/core/types.ts';

/** One program header. Addresses are those of the file, before the loader moves it. */
export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

/** One entry of the dynamic section; `value` keeps all 64 bits. */
export interface DynamicEntry {
  readonly tag: bigint;
  readonly value: bigint;
}

/** What Saddlebag needs to know of an ELF file. */
export interface Elf {
  /** The file that it was read from, for messages and `$ORIGIN`. */
  readonly file: string;
  readonly arch: Arch;
  readonly segments: readonly ElfSegment[];
  /** PT_INTERP; null for libraries and static programs. */
  readonly interpreter: string | null;
  /** The dynamic section up to DT_NULL; null where there is none. */
  readonly dynamic: readonly DynamicEntry[] | null;
  readonly needed: readonly string[];
  readonly soname: string | null;
  readonly rpath: string | null;
  readonly runpath: string | null;
}

/** Types of program headers. Source: System V ABI, "Program Header"; elf(5) for those of GNU. */
export const segmentTypes = {
  null: 0,
  load: 1,
  dynamic: 2,
  interpreter: 3,
  note: 4,
  relro: 0x6474e552,
} as const;

/** Tags of the dynamic section. Source: System V ABI, "Dynamic Section". */
export const dynamicTags = {
  null: 0n,
  needed: 1n,
  stringTable: 5n,
  stringTableBytes: 10n,
  soname: 14n,
  rpath: 15n,
  runpath: 29n,
} as const;

/** Sizes of the records of a 64-bit file. */
export const elfSizes = { header: 64, segment: 56, section: 64, dynamic: 16 } as const;
