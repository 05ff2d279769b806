import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { builtCli } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describe('saddlebag bundle', () => {
  it('leaves nothing behind and says so when Ctrl-C ends it', async () => {
    const cwd = await temporaryDirectory();
    await writeTree(join(cwd, 'web'), { 'bin/web': { executable: '#!/bin/sh\n' } });
    await writeFile(join(cwd, 'web/large'), Buffer.alloc(200_000_000, 'no two alike? '));
    const controller = `"$0" "$@" & pid=$!; until ls -A | grep -q tmp; do :; done; kill -INT $pid; wait $pid`;
    // Job control off, a shell starts what it puts in the background with SIGINT ignored; `set -m` does not.
    const result = await execProcess(
      'bash',
      [
        '-mc',
        controller,
        process.execPath,
        builtCli,
        'bundle',
        'web',
        '--entrypoint',
        'bin/web',
        '-o',
        'out',
      ],
      { cwd, timeoutMs: 60_000 },
    );
    expect(result.exitCode).toBe(130);
    expect(result.stderr).toContain(
      'saddlebag: interrupted while bundling web: nothing was written\n  hint: ',
    );
    expect(await readdir(cwd)).toEqual(['web']);
  });

  it('leaves nothing behind when a second Ctrl-C ends it while something does not heed the first', async () => {
    const cwd = await temporaryDirectory();
    // In place of Nix: ends with the test's folder alone.
    const deaf = '#!/bin/sh\ntrap "" INT TERM\n: > "$STARTED"\nwhile [ -e "$0" ]; do sleep 0.05; done\n';
    const names = ['nix', 'nix-store', 'nix-build', 'nix-instantiate'];
    const fakes = names.map((name) => [`bin/${name}`, { executable: deaf }] as const);
    await writeTree(cwd, { ...Object.fromEntries(fakes), 'default.nix': '{ }', 'tmp/': '' });
    const started = join(cwd, 'started');
    const controller = `"$0" "$@" & pid=$!; until [ -e "$STARTED" ]; do :; done; kill -INT $pid
      until kill -INT $pid 2> /dev/null; [ ! -e /proc/$pid ] || grep -q '^State:.Z' /proc/$pid/status; do :; done; wait $pid`;
    const args = [process.execPath, builtCli, 'bundle', '-f', 'default.nix', '-A', 'app'];
    const result = await execProcess('bash', ['-mc', controller, ...args], {
      cwd,
      env: { PATH: `${join(cwd, 'bin')}:${process.env.PATH}`, TMPDIR: join(cwd, 'tmp'), STARTED: started },
      timeoutMs: 60_000,
    });
    expect(result.exitCode).toBe(130);
    expect(await readdir(join(cwd, 'tmp'))).toEqual([]);
  });
});
