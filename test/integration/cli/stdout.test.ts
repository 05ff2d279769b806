import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { builtCli } from '../../helpers/cli.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const full = '/dev/full';

/** Runs the command with its stdout on a device that is always full. */
function runOntoFull(...args: string[]) {
  const device = openSync(full, 'w');
  onTestFinished(() => closeSync(device));
  const { status, stderr } = spawnSync(process.execPath, [builtCli, ...args], {
    stdio: ['ignore', device, 'pipe'],
    encoding: 'utf8',
  });
  return { status, stderr };
}

describe.skipIf(!existsSync(full))('a result that cannot be written', () => {
  it('is a failure, whatever the command did', () => {
    expect(runOntoFull('completion', 'bash')).toEqual({
      status: 1,
      stderr:
        'saddlebag: cannot write the result to stdout: no space left on device\n' +
        '  hint: what the command was asked is done; only its result was not written\n',
    });
  });

  it('is one error of JSON with --json', async () => {
    const file = join(await temporaryDirectory(), 'true');
    const { status, stderr } = runOntoFull('bundle', 'program:true', '-o', file, '--json', '--quiet');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'output-failed', exitCode: 1 } });
    expect(existsSync(file)).toBe(true);
  });
});
