import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { suiteDirectory } from '../../helpers/temporary.ts';

describe('saddlebag unit', () => {
  const directory = suiteDirectory();

  async function bundle(name: string): Promise<string> {
    const cwd = directory();
    await writeTree(join(cwd, name), { 'bin/app': { executable: '#!/bin/sh\nexec sleep "$1"\n' } });
    const { file } = await saddlebagJson<{ file: string }>(
      ['bundle', `./${name}`, '--entrypoint', 'bin/app', '--compress', 'fast', '--force'],
      { cwd },
    );
    return file;
  }

  it('refuses a secret in a file that everybody may read', async () => {
    const file = await bundle('keeper');
    expect(await saddlebag(['unit', file, '--env', 'DB_PASSWORD=x'])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(
        'cannot write DB_PASSWORD into a unit: every user of the host can read it',
      ),
    });
  });

  describeWith(['systemd-analyze'], 'for systemd', () => {
    it('is a unit that systemd accepts, and hardly exposed by its own measure', async () => {
      const file = await bundle('sleeper');
      const settings = ['--arg', '5%', '--env', 'A=b "c"', '--memory', '64'];
      // A file of the host that the service runs on; there is none here.
      const flags = ['--path', file, ...settings, '--environment-file', '/etc/sleeper.env'];
      const { name, text } = await saddlebagJson<{ name: string; text: string }>(['unit', file, ...flags]);
      expect(name).toBe('sleeper.service');
      const unit = join(directory(), name);
      await writeFile(unit, text);
      const verified = await execProcess('systemd-analyze', ['verify', '--man=no', unit]);
      expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
      // 0 is no exposure and 10 all: a service without any setting has 9.6.
      const score = await execProcess('systemd-analyze', [
        'security',
        '--offline=yes',
        '--threshold=25',
        unit,
      ]);
      expect(score.exitCode, score.stdout).toBe(0);
    });
  });
});
