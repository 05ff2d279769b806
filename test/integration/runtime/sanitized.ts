import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { execProcess } from '../../../src/core/exec.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const runtime = new URL('../../../bundler/runtime/', import.meta.url).pathname;
const zstd = join(dirname(createRequire(import.meta.url).resolve('zstd-napi/package.json')), 'deps/zstd/lib');

const flags = [
  ...['-std=c11', '-D_GNU_SOURCE', '-g', '-O1', '-Wall', '-Wextra', '-Werror'],
  ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'],
  // As system headers zstd's sources keep their warnings to themselves.
  ...['-isystem', zstd, '-pthread'],
];

async function listSources(folder: string): Promise<string[]> {
  const names = await readdir(join(runtime, folder));
  return names.filter((name) => name.endsWith('.c')).map((name) => join(folder, name.slice(0, -2)));
}

/** All files of the runtime but the one with its main program. */
export const runtimeParts: readonly string[] = [
  ...(await listSources('')),
  ...(await listSources('strategy')),
].filter((name) => name !== 'main');

async function compile(sources: readonly string[], output: string): Promise<string> {
  const inputs = sources.map((name) => join(runtime, `${name}.c`));
  const { exitCode, stderr } = await execProcess('gcc', [...flags, ...inputs, '-o', output]);
  if (exitCode !== 0 || stderr !== '') throw new Error(`cannot compile ${output}: ${stderr}`);
  return output;
}

/**
 * Compiles a program of bundler/runtime/test with the parts that it tests, under the address and undefined behaviour
 * sanitizers of the machine's gcc, and returns its path.
 */
export async function compileRuntimeTest(program: string, parts: readonly string[]): Promise<string> {
  return compile([`test/${program}`, ...parts], join(await temporaryDirectory(), program));
}

/** Compiles the runtime itself likewise. */
export async function compileRuntime(): Promise<string> {
  return compile(['main', ...runtimeParts], join(await temporaryDirectory(), 'runtime'));
}
