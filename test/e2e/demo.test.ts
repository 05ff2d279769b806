import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import { describeWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/port.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { startNomad } from '../stack/nomad.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const joke = 'I will require a $10M series B to write a blockchain-based pet taxi app.';

/** What a run may leave behind on a machine. */
async function traces(home: string) {
  const processes = await execProcess('ps', ['-eo', 'args']);
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const mine = (line: string) => /saddlebag-demo|pet-taxi|saddlebag-0|\/serve /.test(line);
  return {
    processes: processes.stdout.split('\n').filter(mine),
    mounts: mounts.split('\n').filter(mine),
    temporary: (await readdir(tmpdir())).filter((name) => /^saddlebag-(demo|\w{6}$)/.test(name)),
    home: await readdir(home, { recursive: true }),
  };
}

async function runDemo(nomadAddress: string, home: string) {
  const env = { PATH: process.env.PATH, HOME: home, NOMAD_ADDR: nomadAddress };
  return execProcess(process.execPath, [join(root, 'examples/demo/demo.ts')], {
    cwd: root,
    env,
    timeoutMs: 200_000,
  });
}

describe('npm run demo', () => {
  it('shows the page of what it published where no Nomad answers, and leaves nothing behind', async () => {
    const home = await temporaryDirectory();
    const before = await traces(home);
    const demo = await runDemo(`http://127.0.0.1:${await freePort()}`, home);
    expect(demo.exitCode, demo.stderr).toBe(0);
    expect(demo.stdout).toBe(joke);
    expect(demo.stderr).toContain('$ saddlebag bundle examples/pet-taxi/pet-taxi');
    expect(demo.stderr).toContain('job "saddlebag-demo" {');
    expect(await traces(home)).toEqual(before);
  });

  describeWith(['nomad', 'root'], 'with an agent', () => {
    it('shows the page of a healthy allocation and purges the job', async () => {
      const home = await temporaryDirectory();
      const nomad = await startNomad();
      try {
        const before = await traces(home);
        const demo = await runDemo(nomad.address, home);
        expect(demo.exitCode, demo.stderr).toBe(0);
        expect(demo.stdout).toBe(joke);
        const jobs = await fetch(`${nomad.address}/v1/jobs`);
        expect(await jobs.json()).toEqual([]);
        expect(await traces(home)).toEqual(before);
      } finally {
        await nomad.stop();
      }
    });
  });
});
