import { join } from 'node:path';
import { noCache, type RecordCache } from '../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { silentReporter } from '../../src/core/reporter.ts';
import type { Bundle, Closure } from '../../src/core/types.ts';
import { closureOf, writeTree } from '../helpers/closures.ts';

const runtime = Buffer.from('#!/bin/false\nstands where the runtime would\n');

/** Writes an app and a library below `directory`, and makes their closure. */
export async function appClosure(directory: string, overrides: Partial<Closure> = {}): Promise<Closure> {
  await writeTree(join(directory, 'lib'), { 'lib/data': Buffer.alloc(30_000, 'abc'), 'lib/empty': '' });
  await writeTree(join(directory, 'app'), {
    'bin/app': { executable: '#!/bin/sh\necho hello\n' },
    'share/big': randomLike(150_000),
    'share/link': { link: '../bin/app' },
  });
  return closureOf(
    [
      { name: 'lib', letter: 'b', directory: join(directory, 'lib') },
      { name: 'app-1.0', letter: 'c', directory: join(directory, 'app') },
    ],
    'bin/app',
    overrides,
  );
}

/** Bytes that do not compress to nothing and are the same in each run. */
function randomLike(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = (state * 48271) % 2147483647;
    bytes[at] = (state >> 8) & 31;
  }
  return bytes;
}

/** Bundles a closure with a stand-in for the runtime. */
export async function bundle(
  closure: Closure,
  output: string,
  options: { jobs?: number; level?: number; force?: boolean; cache?: RecordCache } = {},
): Promise<Bundle> {
  return writeBundle(closure, {
    output,
    force: options.force ?? false,
    toolVersion: '9.9.9',
    runtime,
    runtimeOptions: true,
    compression: { level: options.level ?? 3, frameBytes: 1 << 16 },
    jobs: options.jobs ?? 2,
    cache: options.cache ?? noCache,
    signal: new AbortController().signal,
    reporter: silentReporter,
  });
}
