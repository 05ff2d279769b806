import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execProcess } from '../../src/core/exec.ts';
import { findTool } from '../helpers/needs.ts';

const runtime = fileURLToPath(new URL('../../bundler/runtime/', import.meta.url));
const sources = join(runtime, 'test', 'fuzz');
const corpora = fileURLToPath(new URL('../fixtures/fuzz/', import.meta.url));
const zstd = join(dirname(createRequire(import.meta.url).resolve('zstd-napi/package.json')), 'deps/zstd/lib');

const bundleWraps = [
  ...['execve', 'chdir', 'access', 'write'],
  ...['sb_text_format', 'sb_strategy_guess', 'sb_cache_visit', 'sb_cache_check'],
];

/** The functions that a target puts in the place of the system's, or of the runtime's own. */
const wrapped = {
  bundle: bundleWraps,
  frame: [],
  fuse: [],
  texts: ['sb_file_read_text', 'sb_cache_visit', 'write'],
  /** `bundle` with one check taken away. */
  unchecked: [...bundleWraps, 'sb_string_is_sound'],
} as const satisfies Record<string, readonly string[]>;

export type TargetName = keyof typeof wrapped;

/** What is fuzzed; `unchecked` shows that fuzzing finds what is there. */
export const targetNames = ['bundle', 'fuse', 'frame', 'texts'] as const;

const ownSources: Readonly<Record<TargetName, readonly string[]>> = {
  bundle: ['fuzz/bundle.c', 'sample.c'],
  frame: ['fuzz/frame.c'],
  fuse: ['fuzz/fuse.c'],
  texts: ['fuzz/texts.c'],
  unchecked: ['fuzz/bundle.c', 'fuzz/unchecked.c', 'sample.c'],
};

const flags = [
  '-std=c11',
  '-D_GNU_SOURCE',
  ...['-g', '-O1', '-fno-omit-frame-pointer'],
  ...['-Wall', '-Wextra', '-Werror'],
  ...['-isystem', zstd],
  '-fno-sanitize-recover=all',
];

/** Says why nothing can be fuzzed on this machine; undefined where it can. */
export async function whyNot(): Promise<string | undefined> {
  if (findTool('clang') === undefined) return 'clang missing';
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-fuzz-'));
  try {
    const source = join(directory, 'empty.c');
    await writeFile(source, 'int LLVMFuzzerTestOneInput(void) { return 0; }');
    const args = ['-fsanitize=fuzzer,address,undefined', source, '-o', join(directory, 'empty')];
    const { exitCode } = await execProcess('clang', args);
    return exitCode === 0 ? undefined : "clang's libFuzzer or its sanitizers missing (libclang-rt-14-dev)";
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function clang(directory: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await execProcess('clang', args, { cwd: directory });
  if (exitCode !== 0) throw new Error(`cannot build the fuzz targets: ${stderr}`);
}

/** Compiles the runtime, less its main program, for all targets at once. */
async function compileRuntime(directory: string): Promise<string> {
  const library = join(directory, 'runtime.a');
  const folders = [runtime, join(runtime, 'strategy')];
  const objects = await Promise.all(
    folders.map(async (folder, index) => {
      // Each folder apart: both have a namespace.c.
      const output = join(directory, String(index));
      await mkdir(output);
      const files = (await readdir(folder)).filter((name) => name.endsWith('.c') && name !== 'main.c');
      const inputs = files.map((name) => join(folder, name));
      await clang(output, [...flags, '-fsanitize=fuzzer-no-link,address,undefined', '-c', ...inputs]);
      return files.map((name) => join(output, name.replace(/c$/, 'o')));
    }),
  );
  const { exitCode, stderr } = await execProcess('ar', ['rcs', library, ...objects.flat()]);
  if (exitCode !== 0) throw new Error(`cannot build the fuzz targets: ${stderr}`);
  return library;
}

/**
 * Builds the targets with clang, libFuzzer and both sanitizers.
 * @returns a new directory with a program named after each target; the caller removes it
 */
export async function buildTargets(names: readonly TargetName[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-fuzz-'));
  const library = await compileRuntime(directory);
  const build = (name: TargetName) =>
    clang(directory, [
      ...flags,
      '-fsanitize=fuzzer,address,undefined',
      ...wrapped[name].map((symbol) => `-Wl,--wrap=${symbol}`),
      ...ownSources[name].map((file) => join(runtime, 'test', file)),
      library,
      ...['-o', join(directory, name)],
    ]);
  for (let at = 0; at < names.length; at += availableParallelism()) {
    await Promise.all(names.slice(at, at + availableParallelism()).map(build));
  }
  return directory;
}

/** What a run of one target did. */
export interface FuzzRun {
  readonly ok: boolean;
  readonly program: string;
  /** The input that failed; its program run with it alone fails again. */
  readonly failedInput: string | undefined;
  readonly executions: number;
  /** Edges of the control flow that were taken, and how many there are in the target. */
  readonly coveredEdges: number;
  readonly edges: number;
  /** What libFuzzer and the sanitizers printed. */
  readonly log: string;
}

/** Returns where the kept inputs of a target are. */
export function corpusOf(name: TargetName): string {
  return join(corpora, name === 'unchecked' ? 'bundle' : name);
}

/** How long a target is fuzzed, and from which seed; without one, of each run another. */
export interface FuzzOptions {
  readonly seconds: number;
  readonly seed?: number | undefined;
}

/**
 * Runs a target from its kept inputs; new ones go to `<directory>/<name>-found`, what crashes, leaks or takes more than ten
 * seconds to `<directory>/<name>-failed-…`. The same seed gives the same inputs in the same order.
 */
export async function runTarget(
  directory: string,
  name: TargetName,
  { seconds, seed }: FuzzOptions,
): Promise<FuzzRun> {
  const found = join(directory, `${name}-found`);
  await mkdir(found, { recursive: true });
  const program = join(directory, name);
  const { exitCode, stderr } = await execProcess(
    'setarch',
    [
      // libFuzzer learns from the numbers that are compared; addresses would make each run another.
      '--addr-no-randomize',
      program,
      ...(seed === undefined ? [] : [`-seed=${seed}`]),
      `-max_total_time=${seconds}`,
      '-timeout=10',
      '-rss_limit_mb=2048',
      '-max_len=16384',
      // The standard output: what the runtime prints is not for us.
      '-close_fd_mask=1',
      '-print_final_stats=1',
      `-dict=${join(sources, 'dictionary')}`,
      `-artifact_prefix=${program}-failed-`,
      ...[found, corpusOf(name)],
    ],
    { env: environment },
  );
  const failedInput = /Test unit written to (.+)$/m.exec(stderr)?.[1];
  return { ok: exitCode === 0, program, failedInput, ...readLog(stderr), log: stderr };
}

const environment = {
  PATH: '/usr/bin:/bin',
  SADDLEBAG_FUZZ_BUNDLE: fileURLToPath(new URL('../fixtures/format/golden.bundle', import.meta.url)),
};

function readLog(log: string): Pick<FuzzRun, 'executions' | 'coveredEdges' | 'edges'> {
  const last = (pattern: RegExp) => Number([...log.matchAll(pattern)].at(-1)?.[1] ?? 0);
  return {
    executions: last(/stat::number_of_executed_units: +(\d+)/g),
    coveredEdges: last(/ cov: (\d+) /g),
    edges: last(/Loaded 1 modules +\((\d+) inline/g),
  };
}

/** Keeps of a target's inputs, those kept so far and those found, the fewest that reach as much. */
export async function keepFound(directory: string, name: TargetName, output: string): Promise<void> {
  await mkdir(output, { recursive: true });
  const { exitCode, stderr } = await execProcess(
    join(directory, name),
    [
      // By edges alone, not by how often each was taken: a tenth of the size.
      '-merge=1',
      '-use_counters=0',
      '-close_fd_mask=1',
      output,
      corpusOf(name),
      join(directory, `${name}-found`),
    ],
    { env: environment },
  );
  if (exitCode !== 0) throw new Error(`cannot merge the inputs of ${name}: ${stderr}`);
}
