import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readJobSettings } from '../../../deploy/job/parse-job-settings.ts';
import { sampleArtifact } from '../sample.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(`${root}docs/job-settings.md`, 'utf8');
/** Every word in the first column of a table. */
const documented = new Set(
  page
    .split('\n')
    .flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1]?.match(/[a-z][a-z0-9_]+/g) ?? [])
    .concat(page.match(/(?<=`)[a-z_0-9]+(?=`)/g) ?? []),
);

describe('the page of job settings', () => {
  it('names every setting that is read', () => {
    const sources = globSync(['deploy/job/parse-job-settings.ts', 'deploy/job/settings/*.ts'], { cwd: root });
    const read = sources.flatMap((file) =>
      [
        ...readFileSync(`${root}${file}`, 'utf8').matchAll(
          /\.(?:text|texts|oneOf(?:<\w+>)?|number|flag|duration|map|block|blocks|labelled)\('([a-z0-9_]+)'/g,
        ),
      ].map(([, key]) => key),
    );
    expect(new Set(read).size).toBeGreaterThan(60);
    // These two are explained above the tables.
    const inTables = [...new Set(read)].filter((key) => key !== 'group' && key !== 'task');
    expect(inTables.filter((key) => !documented.has(key ?? ''))).toEqual([]);
  });

  it('names no setting of job, group and task that is not read', () => {
    const rows = page.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
    const keys = rows
      .flatMap((row) => row.match(/(?<=(?:^|, )`)[a-z0-9_]+/g) ?? [])
      .filter((key) => key !== 'check');
    expect(keys.length).toBeGreaterThan(40);
    const tree = Object.fromEntries(keys.map((key) => [key, {}]));
    const { problems } = readJobSettings({ tree }, sampleArtifact());
    expect(problems.filter((problem) => problem.includes('no such setting'))).toEqual([]);
  });
});
