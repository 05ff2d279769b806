import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { readCommandTree } from '../../docs/command-tree.ts';
import { pages, readCommands, root } from './pages.ts';

const program = readCommandTree();

/** Returns what a command line of a page has that Saddlebag has not; undefined where it is sound. */
function unknownIn(line: string): string | undefined {
  const words = line.replace(/ -- .*| "?\$\(.*/, '').split(/\s+/);
  if (words[0] === 'help') return undefined;
  let command: Command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) break;
    command = next;
  }
  if (command === program && /^[a-z]/.test(words[0] ?? '')) return words[0];
  const known = new Set(['--help', '-h', '--version', '-V']);
  for (let one: Command | null = command; one !== null; one = one.parent) {
    for (const option of one.options) known.add(option.long ?? '').add(option.short ?? '');
  }
  return words.find(
    (word) => /^--?[a-z]/.test(word) && !known.has(word.replace(/=.*/, '').replace(/[,.]$/, '')),
  );
}

it.each(pages)('%s names commands and flags that there are', (page) => {
  const unknown = readCommands(page, 'saddlebag').filter((line) => unknownIn(line) !== undefined);
  expect(unknown.map((line) => `${line}: ${unknownIn(line)}`)).toEqual([]);
});

it.each(pages)('%s names scripts that there are', (page) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const named = readCommands(page, 'npm run').map((line) => line.replace(/^--silent /, '').split(/\s/)[0]);
  expect(named.filter((name) => !((name ?? '') in scripts))).toEqual([]);
});

it('finds the commands of a page', () => {
  expect(readCommands('README.md', 'saddlebag').length).toBeGreaterThan(20);
  expect(readCommands('README.md', 'npm run')).toContain('test:full');
  expect(unknownIn('bundle ./app --frames 3')).toBe('--frames');
  expect(unknownIn('unbundle ./app')).toBe('unbundle');
  expect(unknownIn('bundle ./app --check -- python3 --version')).toBeUndefined();
});
