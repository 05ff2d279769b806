import { type StorePath, storeDirectory, storePathBase, storePathOf } from '../../src/core/store-path.ts';
import type { Arch } from '../../src/core/types.ts';
import {
  dataAlignment,
  flagOwnLoader,
  headerFixedBytes,
  machines,
  maxFrameBytes,
  pathRecordBytes,
  tarEndBytes,
} from './layout.ts';
import { Reader } from './reader.ts';
import { StringArea, type StringReference, writeReference } from './strings.ts';

/** One store path, as the header records it. Source: FORMAT.md, "Path record". */
export interface PathRecord {
  readonly storePath: StorePath;
  readonly firstRow: number;
  readonly rowCount: number;
  readonly rowStringsOffset: number;
  readonly rowStringsBytes: number;
  readonly contentBytes: number;
  readonly contentSha256: string;
  readonly sliceSha256: string;
  /** Where its part of the tar begins, and how long it is. */
  readonly tarOffset: number;
  readonly tarBytes: number;
}

/** What the runtime reads at each start. Source: FORMAT.md, "Header". */
export interface Header {
  readonly arch: Arch;
  readonly ownLoader: boolean;
  readonly frameBytes: number;
  readonly dataOffset: number;
  readonly dataBytes: number;
  readonly tarBytes: number;
  readonly contentBytes: number;
  readonly indexOffset: number;
  readonly frameCount: number;
  readonly rowCount: number;
  readonly rowStringsBytes: number;
  readonly metadataBytes: number;
  readonly framesSha256: string;
  readonly closureSha256: string;
  readonly name: string;
  readonly appVersion: string;
  readonly encoder: string;
  readonly toolVersion: string;
  readonly paths: readonly PathRecord[];
  readonly entrypoints: readonly { readonly name: string; readonly program: string }[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const policySetWhereUnset = 0;

/** Returns the header's bytes. The strings come in the order of the records that name them. */
export function encodeHeader(header: Header): Buffer {
  const strings = new StringArea();
  const env = Object.entries(header.env);
  const fixed = encodeFixed(header, strings, env.length);
  const records = [
    ...header.paths.map((path) => encodePath(path, strings.add(storePathBase(path.storePath)))),
    ...header.entrypoints.map(({ name, program }) => encodeStrings([name, program], strings)),
    ...header.args.map((argument) => encodeStrings([argument], strings)),
    ...env.map(([name, value]) =>
      Buffer.concat([encodeStrings([name, value], strings), Buffer.alloc(8, policySetWhereUnset)]),
    ),
  ];
  fixed.writeUInt32LE(strings.length, 160);
  return Buffer.concat([fixed, ...records, strings.encode()]);
}

function encodeFixed(header: Header, strings: StringArea, envCount: number): Buffer {
  const bytes = Buffer.alloc(headerFixedBytes);
  bytes.writeUInt16LE(machines[header.arch], 0);
  bytes.writeUInt16LE(header.ownLoader ? flagOwnLoader : 0, 2);
  bytes.writeUInt32LE(header.frameBytes, 4);
  const sizes = [
    header.dataOffset,
    header.dataBytes,
    header.tarBytes,
    header.contentBytes,
    header.indexOffset,
    header.frameCount,
    header.rowCount,
    header.rowStringsBytes,
    header.metadataBytes,
  ];
  for (const [index, size] of sizes.entries()) bytes.writeBigUInt64LE(BigInt(size), 8 + 8 * index);
  Buffer.from(header.framesSha256, 'hex').copy(bytes, 80);
  Buffer.from(header.closureSha256, 'hex').copy(bytes, 112);
  const counts = [header.paths.length, header.entrypoints.length, header.args.length, envCount];
  for (const [index, count] of counts.entries()) bytes.writeUInt32LE(count, 144 + 4 * index);
  const texts = [header.name, header.appVersion, header.encoder, header.toolVersion];
  for (const [index, text] of texts.entries()) writeReference(bytes, 168 + 8 * index, strings.add(text));
  return bytes;
}

function encodeStrings(texts: readonly string[], strings: StringArea): Buffer {
  const bytes = Buffer.alloc(8 * texts.length);
  for (const [index, text] of texts.entries()) writeReference(bytes, 8 * index, strings.add(text));
  return bytes;
}

function encodePath(path: PathRecord, base: StringReference): Buffer {
  const bytes = Buffer.alloc(pathRecordBytes);
  writeReference(bytes, 0, base);
  bytes.writeBigUInt64LE(BigInt(path.firstRow), 8);
  bytes.writeBigUInt64LE(BigInt(path.rowCount), 16);
  bytes.writeBigUInt64LE(BigInt(path.rowStringsOffset), 24);
  bytes.writeBigUInt64LE(BigInt(path.rowStringsBytes), 32);
  bytes.writeBigUInt64LE(BigInt(path.contentBytes), 40);
  Buffer.from(path.contentSha256, 'hex').copy(bytes, 48);
  Buffer.from(path.sliceSha256, 'hex').copy(bytes, 80);
  bytes.writeBigUInt64LE(BigInt(path.tarOffset), 112);
  bytes.writeBigUInt64LE(BigInt(path.tarBytes), 120);
  return bytes;
}

/**
 * Reads a header; its digest was compared before.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function decodeHeader(file: string, bytes: Buffer): Header {
  const reader = new Reader(file, 'header', bytes);
  const pathCount = reader.u32(144);
  const entrypointCount = reader.u32(148);
  const argCount = reader.u32(152);
  const envCount = reader.u32(156);
  const entrypointsAt = headerFixedBytes + pathRecordBytes * pathCount;
  const argsAt = entrypointsAt + 16 * entrypointCount;
  const envAt = argsAt + 8 * argCount;
  const stringsAt = envAt + 24 * envCount;
  const area = reader.slice(stringsAt, reader.u32(160));
  if (stringsAt + area.length !== bytes.length) throw reader.error('it has bytes too many or too few');
  if (pathCount === 0 || entrypointCount === 0) throw reader.error('it names no store path or no program');
  const text = (at: number) => reader.string(at, area);
  const header: Header = {
    ...decodeFixed(reader),
    name: text(168),
    appVersion: text(176),
    encoder: text(184),
    toolVersion: text(192),
    paths: times(pathCount, (index) => decodePath(reader, headerFixedBytes + pathRecordBytes * index, area)),
    entrypoints: times(entrypointCount, (index) => ({
      name: text(entrypointsAt + 16 * index),
      program: text(entrypointsAt + 16 * index + 8),
    })),
    args: times(argCount, (index) => text(argsAt + 8 * index)),
    env: Object.fromEntries(
      times(envCount, (index) => {
        reader.zeros(envAt + 24 * index + 16, 8);
        const name = text(envAt + 24 * index);
        if (name === '' || name.includes('=')) throw reader.error(`"${name}" names no variable`);
        return [name, text(envAt + 24 * index + 8)];
      }),
    ),
  };
  checkPaths(reader, header);
  return header;
}

type FixedKeys =
  | 'arch'
  | 'ownLoader'
  | 'frameBytes'
  | 'dataOffset'
  | 'dataBytes'
  | 'tarBytes'
  | 'contentBytes'
  | 'indexOffset'
  | 'frameCount'
  | 'rowCount'
  | 'rowStringsBytes'
  | 'metadataBytes'
  | 'framesSha256'
  | 'closureSha256';

function decodeFixed(reader: Reader): Pick<Header, FixedKeys> {
  const machine = reader.u16(0);
  const arch = (Object.keys(machines) as Arch[]).find((key) => machines[key] === machine);
  if (arch === undefined) throw reader.error(`machine ${machine} is unknown`);
  const flags = reader.u16(2);
  if (flags > flagOwnLoader) throw reader.error(`flags ${flags} are unknown`);
  reader.zeros(164, 4);
  const frameBytes = reader.u32(4);
  const dataOffset = reader.u64(8);
  if (frameBytes === 0 || frameBytes > maxFrameBytes) throw reader.error(`frames of ${frameBytes} bytes`);
  if (dataOffset % dataAlignment !== 0) throw reader.error('its data begins out of step');
  return {
    arch,
    ownLoader: flags === flagOwnLoader,
    frameBytes,
    dataOffset,
    dataBytes: reader.u64(16),
    tarBytes: reader.u64(24),
    contentBytes: reader.u64(32),
    indexOffset: reader.u64(40),
    frameCount: reader.u64(48),
    rowCount: reader.u64(56),
    rowStringsBytes: reader.u64(64),
    metadataBytes: reader.u64(72),
    framesSha256: reader.hex(80, 32),
    closureSha256: reader.hex(112, 32),
  };
}

function decodePath(reader: Reader, at: number, area: Buffer): PathRecord {
  const text = `${storeDirectory}/${reader.string(at, area)}`;
  const storePath = storePathOf(text);
  if (storePath !== text) throw reader.error(`${text} is not a store path`);
  return {
    storePath,
    firstRow: reader.u64(at + 8),
    rowCount: reader.u64(at + 16),
    rowStringsOffset: reader.u64(at + 24),
    rowStringsBytes: reader.u64(at + 32),
    contentBytes: reader.u64(at + 40),
    contentSha256: reader.hex(at + 48, 32),
    sliceSha256: reader.hex(at + 80, 32),
    tarOffset: reader.u64(at + 112),
    tarBytes: reader.u64(at + 120),
  };
}

/** Refuses path records that leave a gap, overlap, or reach past the index. */
function checkPaths(reader: Reader, header: Header): void {
  let row = 0;
  let strings = 0;
  let tar = 0;
  let content = 0;
  for (const path of header.paths) {
    const inOrder = path.firstRow === row && path.rowStringsOffset === strings && path.tarOffset === tar;
    if (!inOrder || path.rowCount === 0 || path.tarBytes === 0) {
      throw reader.error(`the record of ${path.storePath} is out of order`);
    }
    row += path.rowCount;
    strings += path.rowStringsBytes;
    tar += path.tarBytes;
    content += path.contentBytes;
  }
  if (
    row !== header.rowCount ||
    strings !== header.rowStringsBytes ||
    content !== header.contentBytes ||
    tar + tarEndBytes !== header.tarBytes
  ) {
    throw reader.error('its records do not cover the index');
  }
  const program = header.entrypoints.find(
    (entrypoint) => !header.paths.some(({ storePath }) => isBelow(entrypoint.program, storePath)),
  );
  if (program !== undefined) throw reader.error('its program lies outside its store paths');
}

function isBelow(program: string, storePath: StorePath): boolean {
  return program === storePath || program.startsWith(`${storePath}/`);
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
