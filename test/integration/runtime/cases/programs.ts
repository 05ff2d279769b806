import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { execProcess } from '../../../../src/core/exec.ts';
import type { TestBundle } from '../bundles.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/runtime/', import.meta.url));
const compiled = new Map<string, Promise<string>>();
let directory: Promise<string> | undefined;

afterAll(async () => {
  if (directory !== undefined) await rm(await directory, { recursive: true, force: true });
});

/** Makes the directory of what this file's tests compile; other users may enter it. */
function workDirectory(): Promise<string> {
  directory ??= (async () => {
    const made = await mkdtemp(join(tmpdir(), 'saddlebag-programs-'));
    await chmod(made, 0o755);
    return made;
  })();
  return directory;
}

/** Makes a directory below it, for what is built once for all tests of a file. */
export async function programDirectory(): Promise<string> {
  const made = await mkdtemp(join(await workDirectory(), 'built-'));
  await chmod(made, 0o755);
  return made;
}

/**
 * Compiles a program of test/fixtures/runtime with `gcc` or `compiler`, once for the same flags, and returns its path.
 */
export function compile(
  source: string,
  flags: readonly string[] = ['-static'],
  compiler = 'gcc',
): Promise<string> {
  const key = JSON.stringify([source, flags, compiler]);
  const known = compiled.get(key) ?? build(source, flags, compiler);
  compiled.set(key, known);
  return known;
}

async function build(source: string, flags: readonly string[], compiler: string): Promise<string> {
  const output = join(await workDirectory(), `${compiled.size}-${source}`);
  const words = ['-O1', '-Wall', '-Werror', join(fixtures, `${source}.c`), '-o', output, ...flags];
  const result = await execProcess(compiler, words);
  if (result.exitCode !== 0) throw new Error(result.stderr);
  return output;
}

/** Compiles a program into a bundle's directory, where every machine of the cases has it, and returns its path. */
export async function beside(bundle: TestBundle, source: string): Promise<string> {
  const file = join(bundle.directory, `tool-${source}`);
  await copyFile(await compile(source), file);
  return file;
}

/** The words of a shell before a program that runs under a filter of system calls; see sandbox.c. */
export async function sandboxed(bundle: TestBundle, ...rules: readonly string[]): Promise<string> {
  return `${await beside(bundle, 'sandbox')} ${rules.join(' ')} --`;
}
