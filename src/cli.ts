#!/usr/bin/env node
/*
 * The entry of `saddlebag`: reads argv, the environment, the working directory and signals, which nothing below does.
 * It imports the rest only after it has seen that this Node can parse it.
 */
const neededMajor = 24;

async function start(): Promise<void> {
  const major = Number.parseInt(process.versions.node, 10);
  if (major < neededMajor) {
    process.stderr.write(
      `saddlebag: needs Node ${neededMajor} or newer, this is Node ${process.versions.node}: install one from https://nodejs.org, or use the saddlebag bundle, which brings its own\n`,
    );
    process.exitCode = 2;
    return;
  }
  const { availableParallelism } = await import('node:os');
  // Frames are compressed on the pool's threads; libuv starts four unless told before their first use. Each that ever
  // compressed keeps zstd's tables, for malloc gives its thread's heap back late if at all: no more of them than needed.
  const least = process.argv[2] === 'bundle' ? 2 : 4;
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(least, availableParallelism()));
  const { main } = await import('./main.ts');
  await main(process);
}

await start();
