import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/**
 * Makes a directory of the test's own, removed when the test ends.
 */
export async function temporaryDirectory(): Promise<string> {
  const directory = await makeDirectory();
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Other users may enter it: tests start bundles as nobody. */
async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-test-'));
  await chmod(directory, 0o755);
  return directory;
}

/**
 * Makes a directory for all tests of a suite, removed when the suite ends; returns how to ask for its path.
 */
export function suiteDirectory(): () => string {
  let directory = '';
  beforeAll(async () => {
    directory = await makeDirectory();
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return () => directory;
}
