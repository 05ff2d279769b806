import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Makes a directory of the test's own, removed when the test ends.
 */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
