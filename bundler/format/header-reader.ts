import { type StorePath, storeDirectory, storePathBase, storePathOf } from '../../src/core/store-path.ts';
import type { Arch } from '../../src/core/types.ts';
import type { Header, PathRecord } from './header.ts';
import { decodeLaunch, launchBytes, times } from './launch.ts';
import {
  dataAlignment,
  flags,
  headerFixedBytes,
  knownFlags,
  machines,
  maxFrameBytes,
  pathRecordBytes,
  tarEndBytes,
} from './layout.ts';
import { Reader } from './reader.ts';

/**
 * Reads a header; its digest was compared before.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function decodeHeader(file: string, bytes: Buffer): Header {
  const reader = new Reader(file, 'header', bytes);
  const pathCount = reader.u32(144);
  const counts = {
    entrypoints: reader.u32(148),
    args: reader.u32(152),
    defaultArgs: reader.u32(164),
    env: reader.u32(156),
    binds: reader.u32(224),
  };
  const launchAt = headerFixedBytes + pathRecordBytes * pathCount;
  const stringsAt = launchAt + launchBytes(counts);
  const area = reader.slice(stringsAt, reader.u32(160));
  if (stringsAt + area.length !== bytes.length) throw reader.error('it has bytes too many or too few');
  if (pathCount === 0 || counts.entrypoints === 0) throw reader.error('it names no store path or no program');
  const text = (at: number) => reader.string(at, area);
  const paths = times(pathCount, (index) =>
    decodePath(reader, headerFixedBytes + pathRecordBytes * index, area),
  );
  const { init, ownName, ...fixed } = decodeFixed(reader);
  const header: Header = {
    ...fixed,
    name: text(168),
    appVersion: text(176),
    encoder: text(184),
    toolVersion: text(192),
    paths,
    launch: {
      ...decodeLaunch(reader, { at: launchAt, area, counts }),
      init,
      ownName,
      workingDirectory: absoluteOrNull(reader, text(200)),
    },
    root: decodeRoot(reader, text(208), paths),
    relocateRefusal: text(216) || null,
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
  | 'closureSha256'
  | 'runtimeOptions';

function decodeFixed(reader: Reader): Pick<Header, FixedKeys> & Pick<Header['launch'], 'init' | 'ownName'> {
  const machine = reader.u16(0);
  const arch = (Object.keys(machines) as Arch[]).find((key) => machines[key] === machine);
  if (arch === undefined) throw reader.error(`machine ${machine} is unknown`);
  const bits = reader.u16(2);
  if ((bits & ~knownFlags) !== 0) throw reader.error(`flags ${bits} are unknown`);
  reader.zeros(228, 4);
  const frameBytes = reader.u32(4);
  const dataOffset = reader.u64(8);
  if (frameBytes === 0 || frameBytes > maxFrameBytes) throw reader.error(`frames of ${frameBytes} bytes`);
  if (dataOffset % dataAlignment !== 0) throw reader.error('its data begins out of step');
  return {
    arch,
    ownLoader: (bits & flags.ownLoader) !== 0,
    init: (bits & flags.init) !== 0,
    ownName: (bits & flags.ownName) !== 0,
    runtimeOptions: (bits & flags.noOptions) === 0,
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

function absoluteOrNull(reader: Reader, directory: string): string | null {
  if (directory === '') return null;
  if (!directory.startsWith('/')) throw reader.error('its working directory is not absolute');
  return directory;
}

function decodeRoot(reader: Reader, base: string, paths: readonly PathRecord[]): StorePath | null {
  if (base === '') return null;
  const found = paths.find(({ storePath }) => storePathBase(storePath) === base);
  if (found === undefined) throw reader.error('its root is not one of its store paths');
  return found.storePath;
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
  const seen = new Set<StorePath>();
  for (const path of header.paths) {
    if (seen.has(path.storePath)) throw reader.error(`${path.storePath} is in it twice`);
    seen.add(path.storePath);
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
  const isInside = (program: string) => {
    const storePath = storePathOf(program);
    return storePath !== undefined && seen.has(storePath);
  };
  if (!header.launch.entrypoints.every(({ program }) => isInside(program))) {
    throw reader.error('its program lies outside its store paths');
  }
}
