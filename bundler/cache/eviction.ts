import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Begins the names of files that are being written. */
export const temporaryPrefix = 'new-';

/** Names the directories of records: the first two digits of their keys. */
const shardName = /^[0-9a-f]{2}$/;

// What is still being written after so long belongs to a process that was killed.
const abandonedAfterMs = 86_400_000;

// An eviction makes room for some bundles to come, so that not each of them has to look at every record.
const keptPart = 0.9;

/** What a cache directory holds. */
export interface CacheContent {
  readonly records: number;
  /** Of the files on disk, in bytes. */
  readonly sizeBytes: number;
}

interface CacheFile {
  readonly file: string;
  readonly sizeBytes: number;
  readonly usedMs: number;
  readonly isRecord: boolean;
}

/** Counts the records of a cache directory; none where there is no directory. */
export async function measureCache(directory: string): Promise<CacheContent> {
  const files = await listFiles(directory);
  return {
    records: files.filter(({ isRecord }) => isRecord).length,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** Removes all records of a cache directory and returns what they were. Runs that use them go on without. */
export async function clearCache(directory: string): Promise<CacheContent> {
  const content = await measureCache(directory);
  for (const name of await namesIn(directory)) {
    if (!shardName.test(name) && !name.startsWith(temporaryPrefix)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
  return content;
}

/**
 * Removes the records that were not used for longest, where a cache directory holds more than `limitBytes`.
 */
export async function evictRecords(directory: string, limitBytes: number): Promise<void> {
  const files = await listFiles(directory);
  const abandonedMs = Date.now() - abandonedAfterMs;
  const abandoned = files.filter(({ isRecord, usedMs }) => !isRecord && usedMs < abandonedMs);
  let sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const evicted =
    sizeBytes > limitBytes
      ? files.filter(({ isRecord }) => isRecord).sort((a, b) => a.usedMs - b.usedMs)
      : [];
  for (const { file } of abandoned) await rm(file, { force: true });
  for (const { file, sizeBytes: fileBytes } of evicted) {
    if (sizeBytes <= limitBytes * keptPart) break;
    await rm(file, { force: true });
    sizeBytes -= fileBytes;
  }
}

async function listFiles(directory: string): Promise<CacheFile[]> {
  const found: CacheFile[] = [];
  const add = async (file: string, isRecord: boolean) => {
    // Another process may remove it meanwhile.
    const stats = await lstat(file).catch(() => undefined);
    if (stats?.isFile()) found.push({ file, sizeBytes: stats.size, usedMs: stats.mtimeMs, isRecord });
  };
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    if (name.startsWith(temporaryPrefix)) await add(path, false);
    if (!shardName.test(name)) continue;
    for (const record of await namesIn(path)) await add(join(path, record), true);
  }
  return found;
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
