import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startChild } from '../../helpers/children.ts';
import { builtCli } from '../../helpers/cli.ts';
import { runningAllocation } from '../../helpers/nomad-answers.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { serveInTest } from '../../helpers/test-server.ts';

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

/** An agent whose only task writes a line every few milliseconds, for ever. */
async function chattyAgent(): Promise<string> {
  const task = { Name: 't', Artifacts: [] };
  const answers: Readonly<Record<string, unknown>> = {
    '/v1/job/web': { Version: 0, JobModifyIndex: 1, TaskGroups: [{ Name: 'g', Count: 1, Tasks: [task] }] },
    '/v1/job/web/allocations': [runningAllocation],
  };
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (!path.startsWith('/v1/client/fs/logs/')) {
      response.end(JSON.stringify(answers[path] ?? null));
      return;
    }
    const timer = setInterval(() => response.write('tick\n'), 5);
    response.once('close', () => clearInterval(timer));
  });
  return `http://127.0.0.1:${await serveInTest(server)}`;
}

it('a log that is followed ends when nobody reads it any more', async () => {
  const child = startChild(process.execPath, [builtCli, 'logs', '-f', 'web'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, NOMAD_ADDR: await chattyAgent() },
  });
  if (child.stdout === null) throw new Error('no pipe was made');
  const [first] = await once(child.stdout, 'data');
  expect(String(first)).toMatch(/^tick\n/);
  child.stdout.destroy();
  expect(await once(child, 'close')).toEqual([0, null]);
});
