import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openBytes } from './elf/bytes.ts';
import { type Workplace, writePatched } from './workplace.ts';

/** In a bundle every file is of this second. */
const bundledSeconds = 1;

/**
 * Dates Python's caches of compiled modules anew: a cache names the time of its source, and Python would compile each
 * module again at each start where that is another. Caches that don't fit their source here, or name no time, are left.
 * Source: PEP 552.
 * @param files path in a store path → file of this machine
 * @returns path in the store path → the edited file
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function dateCaches(
  files: ReadonlyMap<string, string>,
  place: Workplace,
): Promise<Record<string, string>> {
  const dated: Record<string, string> = {};
  for (const [inside, file] of files) {
    if (!file.endsWith('.pyc') || !(await fitsSource(file))) continue;
    const seconds = Buffer.alloc(4);
    seconds.writeUInt32LE(bundledSeconds);
    dated[inside] = await writePatched(file, [{ offset: 8, bytes: seconds }], 'file', place);
  }
  return dated;
}

async function fitsSource(cache: string): Promise<boolean> {
  const directory = dirname(cache);
  if (basename(directory) !== '__pycache__') return false;
  const source = join(dirname(directory), `${basename(cache).split('.')[0]}.py`);
  const stats = await stat(source).catch(() => undefined);
  using bytes = openBytes(cache);
  const header = bytes.slice(0, 16);
  if (stats === undefined || header.length < 16 || header.readUInt32LE(4) !== 0) return false;
  return (
    header.readUInt32LE(8) === Math.floor(stats.mtimeMs / 1000) % 2 ** 32 &&
    header.readUInt32LE(12) === stats.size % 2 ** 32
  );
}
