import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The directory of the project, absolute. */
export const root = join(import.meta.dirname, '../..');

/** The pages that people read, relative to `root`. */
export const pages: readonly string[] = globSync(
  ['*.md', 'docs/*.md', 'bundler/**/*.md', 'examples/**/*.md'],
  { cwd: root },
).sort();

const fence = /^(```|~~~)(\w*)\n([\s\S]*?)^\1/gm;

/** Reads a page without its blocks of code, where brackets mean something else. */
export function readProse(page: string): string {
  return readFileSync(join(root, page), 'utf8').replace(fence, '');
}

/** Reads the commands of a page: what stands after `name` in its blocks for a shell and in its code within a line. */
export function readCommands(page: string, name: string): readonly string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = [...text.matchAll(fence)].filter(([, , language]) => language === 'sh');
  const lines = blocks.flatMap(([, , , block = '']) =>
    block.split('\n').map((line) => line.replace(/ #.*/, '')),
  );
  const inline = [...readProse(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const begins = new RegExp(`(?:^|\\$\\(|&& |\\| |; )${name} ([^|;)&]*)`, 'g');
  return [...lines, ...inline].flatMap((line) =>
    [...line.matchAll(begins)].map(([, words = '']) => words.trim()),
  );
}
