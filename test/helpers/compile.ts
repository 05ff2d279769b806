import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';

/** Compiles C with the machine's gcc and returns the path of the output. */
export async function compile(
  directory: string,
  name: string,
  source: string,
  flags: readonly string[] = [],
): Promise<string> {
  const file = join(directory, name);
  await writeFile(`${file}.c`, source);
  const { exitCode, stderr } = await execProcess('gcc', ['-o', file, `${file}.c`, ...flags]);
  expect(exitCode, stderr).toBe(0);
  return file;
}
