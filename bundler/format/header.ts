import { type StorePath, storePathBase } from '../../src/core/store-path.ts';
import type { Arch } from '../../src/core/types.ts';
import { encodeLaunch, type Launch } from './launch.ts';
import { flags, headerFixedBytes, machines, pathRecordBytes } from './layout.ts';
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
  readonly launch: Launch;
  readonly root: StorePath | null;
  /** Why the closure can't be relocated; null: it can. */
  readonly relocateRefusal: string | null;
  /** Whether the runtime answers to `--saddlebag-…`. */
  readonly runtimeOptions: boolean;
}

/** Returns the header's bytes. The strings come in the order of the records that name them. */
export function encodeHeader(header: Header): Buffer {
  const strings = new StringArea();
  const fixed = encodeFixed(header, strings);
  const records = [
    ...header.paths.map((path) => encodePath(path, strings.add(storePathBase(path.storePath)))),
    ...encodeLaunch(header.launch, strings),
  ];
  fixed.writeUInt32LE(strings.length, 160);
  return Buffer.concat([fixed, ...records, strings.encode()]);
}

function encodeFixed(header: Header, strings: StringArea): Buffer {
  const { launch } = header;
  const bytes = Buffer.alloc(headerFixedBytes);
  bytes.writeUInt16LE(machines[header.arch], 0);
  bytes.writeUInt16LE(encodeFlags(header), 2);
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
  const counts = [header.paths.length, launch.entrypoints.length, launch.args.length, launch.env.length];
  for (const [index, count] of counts.entries()) bytes.writeUInt32LE(count, 144 + 4 * index);
  bytes.writeUInt32LE(launch.defaultArgs.length, 164);
  const texts = [
    header.name,
    header.appVersion,
    header.encoder,
    header.toolVersion,
    launch.workingDirectory ?? '',
    header.root === null ? '' : storePathBase(header.root),
    header.relocateRefusal ?? '',
  ];
  for (const [index, text] of texts.entries()) writeReference(bytes, 168 + 8 * index, strings.add(text));
  bytes.writeUInt32LE(launch.binds.length, 224);
  return bytes;
}

function encodeFlags({ ownLoader, launch, runtimeOptions }: Header): number {
  return (
    (ownLoader ? flags.ownLoader : 0) |
    (launch.init ? flags.init : 0) |
    (launch.ownName ? flags.ownName : 0) |
    (runtimeOptions ? 0 : flags.noOptions)
  );
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
