/*
 * Compiles the sources to dist/ and puts the built runtimes beside the modules that look for them.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${root}dist`, { recursive: true, force: true });
const { status } = spawnSync(`${root}node_modules/.bin/tsc`, ['-p', `${root}tsconfig.build.json`], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
cpSync(`${root}bundler/runtime/out`, `${root}dist/bundler/runtime/out`, { recursive: true });
chmodSync(`${root}dist/src/cli.js`, 0o755);
