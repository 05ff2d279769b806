import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { builtCli } from '../../helpers/cli.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describeWith(['root', 'unshare', 'mount', 'tar'], 'a TMPDIR that fills up', () => {
  it.each([
    ['a project', 'app'],
    ['an image', 'app.tar'],
  ])('is told as such: %s', async (_, app) => {
    const directory = await temporaryDirectory();
    const small = join(directory, 'small');
    for (const each of ['small', 'app']) await mkdir(join(directory, each));
    await writeFile(
      join(directory, 'app', 'package.json'),
      '{"name":"app","version":"1.0.0","bin":"app.js"}',
    );
    await writeFile(join(directory, 'app', 'app.js'), '');
    await writeFile(join(directory, 'app', 'large'), Buffer.alloc(4 << 20));
    await execProcess('tar', ['-cf', 'app.tar', 'app'], { cwd: directory });
    const script = `mount -t tmpfs -o size=1m none ${small} && exec "$@"`;
    const argv = [process.execPath, builtCli, 'bundle', `./${app}`, '-q', '--no-cache', '-o', 'bundle'];
    const { exitCode, stderr } = await execProcess(
      'unshare',
      ['--mount', 'sh', '-c', script, 'sh', ...argv],
      {
        cwd: directory,
        env: { ...process.env, TMPDIR: small },
      },
    );
    expect(stderr).toBe(
      `saddlebag: cannot write to ${small}: no space left on device\n` +
        '  hint: set TMPDIR to a directory with room that you may write to',
    );
    expect(exitCode).toBe(1);
  });
});
