import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import { findTool } from '../helpers/needs.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Node as the machine has it, not the one that npm scripts run on; undefined where there is no other. */
async function hostNode(): Promise<{ readonly file: string; readonly major: number } | undefined> {
  for (const directory of (process.env.PATH ?? '').split(':')) {
    const file = join(directory, 'node');
    if (directory.includes('node_modules') || !existsSync(file)) continue;
    if ((await realpath(file)) === process.execPath) continue;
    const { stdout } = await execProcess(file, ['-p', 'process.versions.node']);
    return { file, major: Number.parseInt(stdout, 10) };
  }
  return undefined;
}

describe('the npm package', () => {
  it('installs into an empty folder and bundles a program that runs', async (test) => {
    if (findTool('npm') === undefined) test.skip('no npm on PATH');
    const place = await temporaryDirectory();
    const packed = await execProcess('npm', ['pack', '--json', '--pack-destination', place], { cwd: root });
    expect(packed.exitCode, packed.stderr).toBe(0);
    const [archive] = await readdir(place);
    const app = join(place, 'app');
    await mkdir(app);
    const installed = await execProcess(
      'npm',
      ['install', '--no-audit', '--no-fund', '--prefix', app, join(place, archive ?? '')],
      {
        cwd: app,
        timeoutMs: 240_000,
      },
    );
    expect(installed.exitCode, installed.stderr).toBe(0);

    const command = join(app, 'node_modules/.bin/saddlebag');
    const env = { PATH: process.env.PATH, HOME: place };
    const bundled = await execProcess(command, ['bundle', 'program:seq', '-o', 'count', '-q'], {
      cwd: app,
      env,
    });
    expect(bundled.stderr).toBe('');
    const ran = await execProcess(join(app, 'count'), ['3'], {
      env: { SADDLEBAG_CACHE_DIR: join(place, 'cache') },
    });
    expect([ran.exitCode, ran.stdout]).toEqual([0, '1\n2\n3']);
  });

  it('holds the runtimes and neither the compiler nor tests', async (test) => {
    if (findTool('npm') === undefined) test.skip('no npm on PATH');
    const { stdout } = await execProcess('npm', ['pack', '--json', '--dry-run'], { cwd: root });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toContain('dist/bundler/runtime/out/saddlebag-runtime-x86_64');
    expect(paths).toContain('dist/bundler/runtime/out/saddlebag-runtime-aarch64');
    expect(paths).toContain('LICENSE');
    expect(paths.filter((path) => /test|\.c$|\.ts$|node_modules/.test(path))).toEqual([]);
  });

  it('says in one line what it needs under an older Node', async (test) => {
    const node = await hostNode();
    if (node === undefined || node.major >= 24) test.skip('no Node older than 24 on PATH');
    const place = await temporaryDirectory();
    // As an installed package would stand: without the checkout's node_modules near it.
    await cp(join(root, 'dist'), join(place, 'dist'), { recursive: true });
    const { stderr, exitCode } = await execProcess(node?.file ?? '', [
      join(place, 'dist/src/cli.js'),
      'bundle',
      'x',
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^saddlebag: needs Node 24 or newer, this is Node \d+\.\d+\.\d+: .*$/);
  });
});
