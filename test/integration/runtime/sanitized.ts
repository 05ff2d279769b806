import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execProcess } from '../../../src/core/exec.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const runtime = fileURLToPath(new URL('../../../bundler/runtime/', import.meta.url));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/saddlebag/', import.meta.url));
const zstd = join(dirname(createRequire(import.meta.url).resolve('zstd-napi/package.json')), 'deps/zstd/lib');

const flags = [
  ...['-std=c11', '-D_GNU_SOURCE', '-g', '-O1', '-Wall', '-Wextra', '-Werror'],
  ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'],
  // As system headers zstd's sources keep their warnings to themselves.
  ...['-isystem', zstd, '-pthread'],
];

const dayMs = 24 * 60 * 60 * 1000;

async function listFiles(folder: string, ending: RegExp): Promise<string[]> {
  const names = await readdir(join(runtime, folder));
  return names.filter((name) => ending.test(name)).map((name) => join(folder, name));
}

async function gcc(args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await execProcess('gcc', [...flags, ...args], { cwd: runtime });
  if (exitCode !== 0 || stderr !== '') throw new Error(`cannot compile ${args.at(-1)}: ${stderr}`);
}

const objectName = (source: string): string => source.replaceAll('/', '-').replace(/c$/, 'o');

async function compileAll(sources: readonly string[], directory: string): Promise<void> {
  // With zstd in it, it takes as long as all others together: it begins first.
  const waiting = [...sources].sort((a, b) => Number(b === 'frame.c') - Number(a === 'frame.c'));
  const work = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      await gcc(['-c', source, '-o', join(directory, objectName(source))]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

async function digest(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of [...files].sort())
    hash.update(`\n${file}\n`).update(await readFile(join(runtime, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Returns a directory with an object of each of the runtime's sources, which is kept until one of them changes. */
async function compileObjects(): Promise<string> {
  const sources = [...(await listFiles('', /\.c$/)), ...(await listFiles('strategy', /\.c$/))];
  const kept = join(cache, `sanitized-${await digest([...sources, ...(await listFiles('', /\.h$/))])}`);
  if (await stat(kept).catch(() => undefined)) return kept;
  await mkdir(cache, { recursive: true });
  const made = await mkdtemp(join(cache, 'sanitized-'));
  await compileAll(sources, made);
  // A test file beside this one may have been quicker.
  await rename(made, kept).catch(() => rm(made, { recursive: true }));
  await removeOld();
  return kept;
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(cache)) {
    const directory = join(cache, name);
    const madeMs = (await stat(directory).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (name.startsWith('sanitized-') && Date.now() - madeMs > dayMs)
      await rm(directory, { recursive: true });
  }
}

/** Links programs and objects of the runtime, all but its main program. */
async function link(inputs: readonly string[], output: string): Promise<string> {
  const directory = await compileObjects();
  const objects = (await readdir(directory)).filter((name) => name !== 'main.o');
  await gcc([
    ...inputs.map((name) => (name.endsWith('.o') ? join(directory, name) : name)),
    ...objects.map((name) => join(directory, name)),
    ...['-o', output],
  ]);
  return output;
}

/**
 * Compiles sources of bundler/runtime/test with the parts that they test, under the address and undefined behaviour
 * sanitizers of the machine's gcc, and returns the path of the program, which is named after the first.
 */
export async function compileRuntimeTest(...names: readonly [string, ...string[]]): Promise<string> {
  return link(
    names.map((name) => `test/${name}.c`),
    join(await temporaryDirectory(), names[0]),
  );
}

/** Compiles the runtime itself likewise, to a path. */
export async function compileSanitizedRuntime(output: string): Promise<string> {
  return link(['main.o'], output);
}
