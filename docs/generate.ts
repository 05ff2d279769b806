/*
 * Writes the pages that come from the sources: docs/cli.md from the command tree, docs/config.md from the schema of
 * saddlebag.hcl, docs/errors.md from the table of codes.
 * `--check` writes nothing and fails when a page is not what it would write.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { errorCodes, warningCodes } from '../src/core/codes.ts';
import { readCommandTree } from './command-tree.ts';
import { renderConfigPage } from './config-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function renderCli(): string {
  const program = readCommandTree();
  const commands = [program, ...program.commands.flatMap((command) => [command, ...command.commands])];
  for (const command of commands) {
    command.configureHelp({ helpWidth: 100 }).configureOutput({ getOutHelpWidth: () => 100 });
  }
  return [
    '# Commands',
    '',
    'Made by `npm run docs` from the program itself: what `--help` prints.',
    '',
    ...commands.flatMap((command) => [`## ${nameOf(command)}`, '', '```text', helpOf(command), '```', '']),
  ].join('\n');
}

/** Returns the words by which a command is called. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
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

/** @throws where a code stands in the table and in no source: it would be documented, and never seen. */
function renderErrors(): string {
  const sources = globSync(['src/**/*.ts', 'bundler/**/*.ts', 'deploy/**/*.ts'], { cwd: root })
    .filter((source) => source !== 'src/core/codes.ts')
    .map((source) => readFileSync(`${root}${source}`, 'utf8'));
  const unused = Object.keys({ ...errorCodes, ...warningCodes }).filter(
    (code) => !sources.some((source) => source.includes(`'${code}'`)),
  );
  if (unused.length > 0) throw new Error(`codes that nothing uses: ${unused.join(', ')}`);
  return [
    '# Error codes',
    '',
    'Made by `npm run docs` from `src/core/codes.ts`, the only codes that the compiler lets through. A code is stable. With',
    '`--json` a failure is one line on stderr:',
    '',
    '```json',
    JSON.stringify({
      error: {
        code: 'output-exists',
        message: 'cannot write /srv/app: it exists already',
        hint: 'pass --force to replace it, or choose another file with -o',
        exitCode: 1,
      },
    }),
    '```',
    '',
    'Messages read `cannot <verb> <object>: <reason>`; the hint is the next action, or null. For `exitCode` see',
    '[exit codes](exit-codes.md). The code `bug` is anything else, and has a `stack`: please report it.',
    '',
    ...renderCodes(errorCodes),
    '',
    '## Warnings',
    '',
    'With `--json` a warning is one line on stderr as well: `{"kind":"warning","stage":…,"code":…,"message":…,"hint":…}`. It',
    'may also carry the code of an error that did not end the work.',
    '',
    ...renderCodes(warningCodes),
    '',
  ].join('\n');
}

function renderCodes(codes: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return ['| code | means |', '| --- | --- |', ...rows.sort()];
}

const pages = {
  'docs/cli.md': renderCli(),
  'docs/config.md': renderConfigPage(),
  'docs/errors.md': renderErrors(),
};
const check = process.argv.includes('--check');
for (const [file, text] of Object.entries(pages)) {
  if (!check) writeFileSync(`${root}${file}`, text);
  else if (readFileSync(`${root}${file}`, 'utf8') !== text) {
    process.stderr.write(`${file} is not current: run \`npm run docs\`\n`);
    process.exitCode = 1;
  }
}
