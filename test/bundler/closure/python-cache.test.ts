import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dateCaches } from '../../../bundler/closure/python-cache.ts';
import { writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** A cache of a module of 5 bytes that was changed at second 1000. */
function cache({ flags = 0, seconds = 1000, size = 5 } = {}): Buffer {
  const bytes = Buffer.from('magi................code');
  for (const [at, value] of [
    [4, flags],
    [8, seconds],
    [12, size],
  ] as const) {
    bytes.writeUInt32LE(value, at);
  }
  return bytes;
}

it('dates the caches that fit their sources, and no others', async () => {
  const top = await temporaryDirectory();
  const caches = {
    'fits.cpython-311.pyc': cache(),
    'fits.cpython-311.opt-1.pyc': cache(),
    'old.cpython-311.pyc': cache({ seconds: 999 }),
    'other.cpython-311.pyc': cache({ size: 6 }),
    'hashed.cpython-311.pyc': cache({ flags: 1 }),
    'orphan.cpython-311.pyc': cache(),
    'cut.cpython-311.pyc': Buffer.from('magic'),
  };
  const names = Object.keys(caches).map((name) => `__pycache__/${name}`);
  await writeTree(join(top, '__pycache__'), caches);
  for (const name of ['fits', 'old', 'other', 'hashed', 'cut']) {
    await writeTree(top, { [`${name}.py`]: 'pass\n' });
    await utimes(join(top, `${name}.py`), 1000, 1000.5);
  }
  const files = new Map(names.map((name) => [`lib/${name}`, join(top, name)]));
  const place = { context: testContext(), workDirectory: await temporaryDirectory() };
  const dated = await dateCaches(files, place);
  expect(Object.keys(dated)).toEqual(names.slice(0, 2).map((name) => `lib/${name}`));
  for (const file of Object.values(dated)) expect(await readFile(file)).toEqual(cache({ seconds: 1 }));
});
