import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Bundle } from '../../src/core/types.ts';
import { fetchWhenUp } from '../helpers/children.ts';
import { saddlebagJson } from '../helpers/cli.ts';
import { writeTree } from '../helpers/closures.ts';
import { describeWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/port.ts';
import { suiteDirectory } from '../helpers/temporary.ts';
import { buildFlask, flaskTools } from '../stack/flask.ts';
import { type SystemdStack, startSystemd, systemdTools } from '../stack/systemd.ts';

const joke = 'I will require a $10M series B to write a blockchain-based pet taxi app.\n';

describeWith(systemdTools, 'saddlebag unit, under a systemd', () => {
  const place = suiteDirectory();
  let systemd: SystemdStack;

  beforeAll(async () => {
    systemd = await startSystemd();
  });
  afterAll(async () => {
    await systemd?.stop();
  });

  async function bundle(...args: string[]): Promise<string> {
    const flags = ['--compress', 'fast', '--force'];
    return (await saddlebagJson<Bundle>(['bundle', ...args, ...flags], { cwd: place() })).file;
  }

  /** Does by hand what the head of the unit says. */
  async function install(file: string, ...flags: string[]): Promise<string> {
    const path = `/opt/${file.split('/').at(-1)}`;
    const unit = await saddlebagJson<{ name: string; text: string }>([
      ...['unit', file, '--path', path, '--env', 'SADDLEBAG_DEBUG=1'],
      ...flags,
    ]);
    await mkdir(join(systemd.root, 'opt'), { recursive: true });
    await copyFile(file, join(systemd.root, path));
    await writeFile(join(systemd.root, 'etc/systemd/system', unit.name), unit.text);
    await ctl('daemon-reload');
    return unit.name;
  }

  async function ctl(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await systemd.run('systemctl', ...args);
    expect(exitCode, `systemctl ${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  }

  async function show(unit: string, property: string): Promise<string> {
    return (await ctl('show', '--property', property, '--value', unit)).trim();
  }

  async function journal(unit: string): Promise<string> {
    await systemd.run('journalctl', '--sync');
    return (await systemd.run('journalctl', '--unit', unit, '--output', 'cat')).stdout;
  }

  async function waitFor(unit: string, property: string, value: string): Promise<void> {
    await expect.poll(() => show(unit, property), { timeout: 30_000, interval: 100 }).toBe(value);
  }

  describeWith(flaskTools, 'the Flask app, which may make no namespace', () => {
    it('serves as a user of its own, comes back after a crash, and ends when it is told to', async () => {
      const port = await freePort();
      const page = () => fetchWhenUp(`http://127.0.0.1:${port}/`);
      const unit = await install(await bundle(await buildFlask()), '--env', `PORT=${port}`);
      expect(await ctl('cat', unit)).toContain('\nRestrictNamespaces=yes\n');

      await ctl('start', unit);
      expect(await page()).toBe(joke);
      const started = await journal(unit);
      expect(started).toMatch(/namespace: refused: a user namespace: operation not permitted/);
      expect(started).toMatch(/relocate: taken/);
      const first = await show(unit, 'MainPID');
      const status = await readFile(join(systemd.root, 'proc', first, 'status'), 'utf8');
      expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).toBeGreaterThan(1_000);
      expect(status).toMatch(/^CapEff:\t0+$/m);

      await systemd.run('kill', '-KILL', first);
      await waitFor(unit, 'NRestarts', '1');
      expect(await page()).toBe(joke);
      expect(await journal(unit)).toMatch(/store: complete/);

      // Its /tmp is a new one, in which the link that stands for /nix/store is not.
      await ctl('restart', unit);
      expect(await page()).toBe(joke);

      await ctl('stop', unit);
      expect([await show(unit, 'ActiveState'), await show(unit, 'Result')]).toEqual(['inactive', 'success']);
    });
  });

  it('lets an app mount that has to, and hands secrets on from their file', async () => {
    await writeTree(join(place(), 'mounts'), {
      'bin/app': {
        executable: '#!/bin/sh\nread -r line < /srv/greeting/text\necho "$line, $TOKEN"\nexec sleep "$1"\n',
      },
    });
    // Of the host that it runs on, which is the container.
    await writeTree(join(systemd.root, 'etc/greeting'), { text: 'hello\n' });
    const file = await bundle('./mounts', '--entrypoint', 'bin/app', '--bind', '/etc/greeting:/srv/greeting');
    await writeFile(join(systemd.root, 'etc/mounts.env'), 'TOKEN=of the file\n', { mode: 0o600 });
    const unit = await install(
      file,
      '--arg',
      '1000',
      '--environment-file',
      '/etc/mounts.env',
      '--memory',
      '64',
    );
    expect(await ctl('cat', unit)).toContain('\nRestrictNamespaces=user mnt\n');
    await ctl('start', unit);
    await expect
      .poll(() => journal(unit), { timeout: 30_000, interval: 100 })
      .toContain('hello, of the file');
    expect(await journal(unit)).toMatch(/namespace: taken/);
    await ctl('stop', unit);
    // A shell ends by the signal; that is an end as it was asked for.
    expect(await show(unit, 'Result')).toBe('success');
  });

  it('tells the code of an app that fails, after the starts that systemd allows', async () => {
    await writeTree(join(place(), 'fails'), {
      'bin/app': { executable: '#!/bin/sh\necho "no DATABASE_URL" >&2\nexit 3\n' },
    });
    const unit = await install(await bundle('./fails', '--entrypoint', 'bin/app'));
    await ctl('start', unit);
    await waitFor(unit, 'ActiveState', 'failed');
    expect(await show(unit, 'ExecMainStatus')).toBe('3');
    expect(await journal(unit)).toContain('no DATABASE_URL');
  });
});
