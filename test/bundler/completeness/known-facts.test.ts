import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectoryCache } from '../../../bundler/cache/directory-cache.ts';
import { readFacts } from '../../../bundler/completeness/facts.ts';
import { knownFacts } from '../../../bundler/completeness/known-facts.ts';
import { type ClosureSurvey, surveyClosure } from '../../../bundler/fingerprint.ts';
import { closureOf, writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const signal = new AbortController().signal;

async function place() {
  const directory = await temporaryDirectory();
  await writeTree(directory, {
    'bin/app': { executable: '#!/usr/bin/env python3\n' },
    'bin/link': { link: '/nix/store/x' },
  });
  const closure = closureOf([{ name: 'app', letter: 'a', directory }], 'bin/app');
  const [path] = closure.paths;
  if (path === undefined) throw new Error('a closure without paths');
  const reads: boolean[] = [];
  const kept = new DirectoryCache(await temporaryDirectory(), () => undefined);
  const cache = {
    read: async (key: string) => {
      const record = await kept.read(key);
      reads.push(record !== undefined);
      return record;
    },
    write: (key: string, record: Buffer) => kept.write(key, record),
  };
  const look = () => surveyClosure(closure, signal);
  const facts = (survey: ClosureSurvey, toolVersion = '1') =>
    knownFacts(path, { cache, survey, toolVersion }, signal);
  return { directory, path, look, facts, reads };
}

describe('knownFacts', () => {
  it('says from the cache what a look at the files says', async () => {
    const { path, look, facts, reads } = await place();
    const survey = await look();
    expect(await facts(survey)).toEqual(await readFacts(path, signal));
    expect(await facts(survey)).toEqual(await readFacts(path, signal));
    expect(reads).toEqual([false, true]);
  });

  it('looks again where a file changed, or Saddlebag did', async () => {
    const { directory, path, look, facts, reads } = await place();
    await facts(await look());
    await writeFile(join(directory, 'bin/app'), '#!/usr/bin/env python4\n');
    expect(await facts(await look())).toEqual(await readFacts(path, signal));
    await facts(await look(), '2');
    expect(reads).toEqual([false, false, false]);
  });

  it('keeps nothing of a tree that nobody could survey', async () => {
    const { path, reads } = await place();
    const survey = { settledBeforeMs: 0, paths: new Map() };
    const cache = { read: async () => undefined, write: () => Promise.reject(new Error('written')) };
    expect(await knownFacts(path, { cache, survey, toolVersion: '1' }, signal)).toEqual(
      await readFacts(path, signal),
    );
    expect(reads).toEqual([]);
  });
});
