import { writeFile } from 'node:fs/promises';

/** What a small ELF file of a test holds; nothing in it can run. */
export interface ElfSketch {
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** Without a dynamic section. */
  readonly isStatic?: boolean;
  /** The last program header; `stack` can't be given up by an edit. */
  readonly last?: 'note' | 'relro' | 'stack';
}

const base = 0x400000;
const lastTypes = { note: 4, relro: 0x6474e552, stack: 0x6474e551 } as const;

/** Builds a 64-bit little-endian ELF file: header, program headers, strings, dynamic section, interpreter. */
export function buildElf(sketch: ElfSketch = {}): Buffer {
  const strings: string[] = [''];
  const string = (text: string) => {
    const at = strings.join('\0').length + 1;
    strings.push(text);
    return BigInt(at);
  };
  const entries: [bigint, bigint][] = (sketch.needed ?? []).map((name) => [1n, string(name)]);
  if (sketch.soname !== undefined) entries.push([14n, string(sketch.soname)]);
  if (sketch.rpath !== undefined) entries.push([15n, string(sketch.rpath)]);
  if (sketch.runpath !== undefined) entries.push([29n, string(sketch.runpath)]);
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const count = 4;
  const tableAt = 64 + count * 56;
  const dynamicAt = tableAt + table.length;
  const dynamic = encodeDynamic([
    ...entries,
    [5n, BigInt(base + tableAt)],
    [10n, BigInt(table.length)],
    [0n, 0n],
  ]);
  const interpreter = Buffer.from(`${sketch.interpreter ?? ''}\0`);
  const interpreterAt = dynamicAt + dynamic.length;
  const size = interpreterAt + interpreter.length;
  const headers = [
    segment(sketch.interpreter === undefined ? lastTypes.stack : 3, interpreterAt, interpreter.length),
    segment(1, 0, size),
    segment(sketch.isStatic ? lastTypes.stack : 2, dynamicAt, dynamic.length),
    segment(lastTypes[sketch.last ?? 'note'], 0, 0),
  ];
  return Buffer.concat([header(sketch.machine ?? 62, count), ...headers, table, dynamic, interpreter]);
}

/** Writes such a file, executable, and returns its path. */
export async function writeElf(file: string, sketch: ElfSketch = {}): Promise<string> {
  await writeFile(file, buildElf(sketch), { mode: 0o755 });
  return file;
}

function header(machine: number, count: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(count, 56);
  return bytes;
}

function segment(type: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(4, 4);
  for (const [at, value] of [
    [8, offset],
    [16, base + offset],
    [24, base + offset],
    [32, size],
    [40, size],
    [48, 4096],
  ] as const) {
    bytes.writeBigUInt64LE(BigInt(value), at);
  }
  return bytes;
}

function encodeDynamic(entries: readonly (readonly [bigint, bigint])[]): Buffer {
  const bytes = Buffer.alloc(entries.length * 16);
  for (const [index, [tag, value]] of entries.entries()) {
    bytes.writeBigInt64LE(tag, index * 16);
    bytes.writeBigUInt64LE(value, index * 16 + 8);
  }
  return bytes;
}
