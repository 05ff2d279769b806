import { once } from 'node:events';
import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startChild } from '../../helpers/children.ts';
import { builtCli, saddlebag } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

it('bundling that was killed leaves a work directory, which the next run removes, and none of a run that lives', async () => {
  const place = await temporaryDirectory();
  const temporary = await temporaryDirectory();
  const env = { PATH: process.env.PATH, HOME: place, TMPDIR: temporary };
  await writeTree(join(place, 'small'), { 'bin/app': { executable: '#!/bin/sh\n' } });
  await writeTree(join(place, 'large'), { 'bin/app': { executable: '#!/bin/sh\n' } });
  // Takes seconds to compress, and no room.
  await writeFile(join(place, 'large/data'), '');
  await truncate(join(place, 'large/data'), 2 ** 31);
  const args = (app: string) => [
    ...['bundle', join(place, app), '--entrypoint', 'bin/app'],
    ...['-o', join(place, `${app}.out`), '--no-cache'],
  ];

  /** Starts a run that takes long, and waits until its work directory shows its owner. */
  const startLong = async () => {
    const before = await readdir(temporary);
    const child = startChild(process.execPath, [builtCli, ...args('large')], { env, stdio: 'ignore' });
    const ended = once(child, 'close');
    for (;;) {
      const found = (await readdir(temporary)).find((name) => !before.includes(name));
      const shown = found === undefined ? [] : await readdir(join(temporary, found));
      if (found !== undefined && shown.some((name) => name.startsWith('owner-'))) {
        return { child, ended, directory: found };
      }
      expect(child.exitCode).toBe(null);
      await delay(5);
    }
  };
  const killed = await startLong();
  killed.child.kill('SIGKILL');
  expect(await killed.ended).toEqual([null, 'SIGKILL']);
  expect(await readdir(temporary)).toEqual([killed.directory]);

  const living = await startLong();
  expect(await readdir(temporary)).toEqual([living.directory]);
  expect(await saddlebag(args('small'), { env })).toMatchObject({
    exitCode: 0,
  });
  expect(await readdir(temporary)).toEqual([living.directory]);
  living.child.kill('SIGINT');
  expect(await living.ended).toEqual([130, null]);
  expect(await readdir(temporary)).toEqual([]);
});
