import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { inspectBundle } from '../../../../bundler/inspect.ts';
import { ownDirectory, type TestBundle } from '../bundles.ts';
import { forget, notFor } from './cache.ts';
import { describeCases } from './harness.ts';

describeCases('Cache and extraction', (runCase) => {
  runCase(50, 'one bit flipped at 100 places: told, or as if nothing had been', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo started', { members: { 'lib/data': 'data\n'.repeat(2000) } });
    const sound = await readFile(bundle.file);
    const dataOffset = await dataOffsetOf(bundle);
    const damaged: TestBundle = { ...bundle, file: join(bundle.directory, 'damaged') };
    let refused = 0;
    for (let round = 0; round < 100; round++) {
      // The runtime's own code is the kernel's to run, whatever it says; from its end on, every part is hit.
      const at = dataOffset + Math.floor(((sound.length - dataOffset) * (round + 0.5)) / 100);
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (round % 8)), at);
      await writeFile(damaged.file, bytes, { mode: 0o755 });
      await forget(cell, bundle);
      const outcome = await cell.start(damaged);
      if (outcome.code === 0) expect(outcome).toMatchObject({ stdout: 'started\n', stderr: '' });
      else {
        refused++;
        expect(outcome).toMatchObject({ code: 125, stdout: '' });
        expect(outcome.stderr).toMatch(/^damaged: cannot read /);
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  runCase(50, 'cut off, stripped, with something appended: told', {}, async (cell) => {
    const bundle = await cell.bundle('echo never');
    const sound = await readFile(bundle.file);
    const dataOffset = await dataOffsetOf(bundle);
    const cuts = [
      sound.subarray(0, -1),
      sound.subarray(0, dataOffset + 100),
      sound.subarray(0, dataOffset),
      Buffer.concat([sound, Buffer.from('\n')]),
    ];
    for (const bytes of cuts) {
      const damaged = { ...bundle, file: join(bundle.directory, 'damaged') };
      await writeFile(damaged.file, bytes, { mode: 0o755 });
      const outcome = await cell.start(damaged);
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toMatch(
        /: not a bundle, or cut off or stripped\nhint: fetch or bundle it again\n$/,
      );
    }
  });

  runCase(50, 'replaced while the app runs', {}, async (cell) => {
    const bundle = await cell.bundle(
      'echo ready >&2; while [ ! -e "$1" ]; do sleep 0.02; done; cat "$(dirname "$0")/../share/data"',
      { members: { 'share/data': 'data\n' } },
    );
    const go = join(await ownDirectory(bundle.directory, 'shared'), 'go');
    const { child, outcome } = await cell.spawn(bundle, { args: [go] });
    await new Promise((resolve) => child.stderr.once('data', resolve));
    await writeFile(`${bundle.file}.new`, 'another\n', { mode: 0o755 });
    await rm(bundle.file);
    await copyFile(`${bundle.file}.new`, bundle.file);
    await chmod(join(go, '..'), 0o755);
    await writeFile(go, '');
    expect(await outcome).toMatchObject({ code: 0, stdout: 'data\n' });
  });
});

/** Where the frames of a bundle begin, in bytes from the start of its file. */
async function dataOffsetOf(bundle: TestBundle): Promise<number> {
  return (await inspectBundle(bundle.file, { signal: new AbortController().signal })).tailOffset - 1;
}
