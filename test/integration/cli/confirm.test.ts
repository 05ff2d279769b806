import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { freePort } from '../../helpers/port.ts';
import { suiteDirectory } from '../../helpers/temporary.ts';
import { typeAt } from '../../helpers/terminal.ts';

const project = `store "main" { to = "./releases" }
app "web" {
  bundle { source = "./web" }
  environment "prod" { confirm = true }
}
`;

describeWith(['script'], 'confirm = true, on a terminal', () => {
  const directory = suiteDirectory();
  let address = '';

  beforeAll(async () => {
    await writeTree(directory(), {
      'saddlebag.hcl': project,
      web: { executable: '#!/bin/sh\nexec sleep 1\n' },
      'releases/': '',
    });
    await chmod(join(directory(), 'web'), 0o755);
    // Nobody is there: who goes on, is told so.
    address = `http://127.0.0.1:${await freePort()}`;
  });

  const surroundings = () => ({
    cwd: directory(),
    env: { PATH: process.env.PATH, HOME: directory(), NOMAD_ADDR: address, TERM: 'xterm', NO_COLOR: '1' },
  });
  const question = () => `deploy web to prod (${address})? [y/N]`;
  const answer = (keys: string) =>
    typeAt(['up', '-e', 'prod'], { prompt: question(), keys, ...surroundings() });

  it('goes on after yes', async () => {
    const { exitCode, text } = await answer('y\r');
    expect([exitCode, text]).toEqual([1, expect.stringContaining(`cannot reach Nomad at ${address}`)]);
  });

  it.each(['n\r', '\r', '\u0004'])('changes nothing after %j', async (keys) => {
    const { exitCode, text } = await answer(keys);
    expect(text).toContain('it was not confirmed');
    expect(text).toContain('hint: nothing was changed');
    expect(exitCode).toBe(1);
  });

  it('ends at Ctrl-C, and says that nothing was changed', async () => {
    const { exitCode, text } = await answer('\u0003');
    expect(text).toContain('interrupted while asking whether to deploy web: nothing was changed');
    expect(exitCode).toBe(130);
  });
});
