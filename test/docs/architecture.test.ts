import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './pages.ts';

/** The folders that the page describes file by file, and what the first column of each one's table names, from the root. */
function readTables(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const tables = new Map<string, readonly string[]>();
  for (const [, folder = '', section = ''] of text.matchAll(
    /^## ([\w/]+)\/(?:,.*)?\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm,
  )) {
    const named = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => namesIn(cell));
    tables.set(
      folder,
      named.map((path) => normalize(join(folder, path)).replace(/\/$/, '')),
    );
  }
  return tables;
}

const namesIn = (cell: string) => [...cell.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name);

describe('the map of the code', () => {
  const tables = readTables();

  it('is of the folders that hold the stages', () => {
    expect([...tables.keys()]).toEqual(
      expect.arrayContaining(['bundler', 'src/publish', 'src/config', 'deploy']),
    );
  });

  it.each([...tables])('names what is in %s, and nothing that is not', (folder, named) => {
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const files = globSync(`${folder}/**/*.ts`, { cwd: root });
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !above(file).some((path) => named.includes(path)))).toEqual([]);
  });
});

/** A file and the folders that hold it. */
function above(file: string): readonly string[] {
  const parent = dirname(file);
  return parent === '.' ? [file] : [file, ...above(parent)];
}
