import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { noCache } from '../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { silentReporter } from '../../src/core/reporter.ts';
import type { Bundle } from '../../src/core/types.ts';
import { closureOf, writeTree } from './closures.ts';

/** A library of random bytes, which no compression makes smaller. */
export interface RandomLibrary {
  readonly name: string;
  readonly letter: string;
  readonly directory: string;
}

/** Writes a library into a folder; each call's is another. */
export async function writeLibrary(place: string, letter: string, sizeBytes: number): Promise<RandomLibrary> {
  const directory = join(place, letter);
  await writeTree(directory, { [`lib/${letter}.bin`]: randomBytes(sizeBytes) });
  return { name: `lib${letter}-1.0`, letter, directory };
}

/**
 * Bundles an app with libraries; what differs between two of these is what was given.
 */
export async function bundleRandom(parts: {
  readonly libraries: readonly RandomLibrary[];
  /** The app's own content, and its version. */
  readonly app: string;
  readonly runtime?: string;
  /** Where it is written. */
  readonly directory: string;
}): Promise<Bundle> {
  const { directory } = parts;
  await writeTree(join(directory, 'tree'), { 'bin/app': { executable: `#!/bin/sh\necho ${parts.app}\n` } });
  const app = { name: 'app-1.0', letter: 'z', directory: join(directory, 'tree') };
  return writeBundle(closureOf([...parts.libraries, app], 'bin/app', { appVersion: parts.app }), {
    output: join(directory, 'app'),
    force: false,
    toolVersion: '9.9.9',
    runtime: Buffer.from(`#!/bin/false\n${parts.runtime ?? 'a runtime'}\n`),
    runtimeOptions: true,
    compression: { level: 3, frameBytes: 1 << 18 },
    jobs: 2,
    cache: noCache,
    signal: new AbortController().signal,
    reporter: silentReporter,
  });
}
