/*
 * Writes the pages that come from the sources: docs/cli.md from the command tree, docs/errors.md from the error codes.
 * `--check` writes nothing and fails when a page is not what it would write.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { createProgram } from '../src/program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function renderCli(): string {
  const program = createProgram({ invoke: async () => undefined, readStdin: async () => '' });
  for (const command of [program, ...program.commands]) {
    command.configureHelp({ helpWidth: 100 }).configureOutput({ getOutHelpWidth: () => 100 });
  }
  return [
    '# Commands',
    '',
    'Made by `npm run docs` from the program itself: what `--help` prints.',
    '',
    ...[program, ...program.commands].flatMap((command) => [
      `## ${command === program ? 'saddlebag' : `saddlebag ${command.name()}`}`,
      '',
      '```text',
      helpOf(command),
      '```',
      '',
    ]),
  ].join('\n');
}

/** Returns all that `--help` prints, the examples too, which `helpInformation` leaves out. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.trimEnd();
}

function renderErrors(): string {
  const places = new Map<string, Set<string>>();
  const sources = globSync(['src/**/*.ts', 'bundler/**/*.ts', 'deploy/**/*.ts'], { cwd: root }).sort();
  for (const source of sources) {
    for (const [, code] of readFileSync(`${root}${source}`, 'utf8').matchAll(
      /new SaddlebagError\(\s*'([a-z0-9-]+)'/g,
    )) {
      if (code !== undefined) places.set(code, (places.get(code) ?? new Set()).add(source));
    }
  }
  const rows = [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, files]) => `| \`${code}\` | ${[...files].map((file) => `[${file}](../${file})`).join(', ')} |`,
    );
  return [
    '# Error codes',
    '',
    'Made by `npm run docs` from the sources. A code is stable; with `--json` it stands in `error.code` on stderr, beside',
    '`message`, `hint` and `exitCode` ([exit codes](exit-codes.md)).',
    '',
    '| code | made in |',
    '| --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

const pages = { 'docs/cli.md': renderCli(), 'docs/errors.md': renderErrors() };
const check = process.argv.includes('--check');
for (const [file, text] of Object.entries(pages)) {
  if (!check) writeFileSync(`${root}${file}`, text);
  else if (readFileSync(`${root}${file}`, 'utf8') !== text) {
    process.stderr.write(`${file} is not current: run \`npm run docs\`\n`);
    process.exitCode = 1;
  }
}
