import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** Bundles a directory of two files as `web`, and the same with another text as `changed`. */
async function bundles(): Promise<string> {
  const cwd = await temporaryDirectory();
  await writeTree(join(cwd, 'web'), {
    'bin/web': { executable: '#!/bin/sh\n' },
    'share/text': 'hello'.repeat(999),
  });
  const bundle = (output: string) =>
    saddlebagJson(['bundle', './web', '--entrypoint', 'bin/web', '--without', 'locales', '-o', output], {
      cwd,
    });
  await bundle('one');
  await writeTree(join(cwd, 'web'), { 'share/text': 'goodbye'.repeat(9999) });
  await bundle('two');
  return cwd;
}

describe('saddlebag inspect', () => {
  it('explains: tree, files, why, page', async () => {
    const cwd = await bundles();
    const run = async (...flags: string[]) => saddlebag(['inspect', ...flags, 'one'], { cwd });
    // The directory's script brings the shell that runs it, and that its libraries.
    expect((await run('--tree')).stdout).toMatch(
      /^ +with all +by itself +store path\n.+ 5\.1 kB +\/nix\/store\/\w{32}-web\n.+ └─ \/nix\/store\/\w{32}-sh\n.+ └─ \/nix\/store\/\w{32}-sh-libs$/,
    );
    expect((await run('--files', '1')).stdout).toMatch(
      /^largest files:\n.+ MB {2}\/nix\/store\/\w{32}-sh-libs\/lib\/libc\.so\.6\n\nno content of 4 kB or more stands in several/,
    );
    expect((await run('--why', 'share/text')).stdout).toMatch(/^\/nix\/store\/\w{32}-web$/);
    expect(await run('--why', 'openssl')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('cannot explain openssl: '),
    });
    expect((await run('--tree', '--why', 'web')).exitCode).toBe(2);
  });

  it.each([
    ['inspect', 'it is not a file'],
    ['bundle', 'it is a device, a pipe or a socket'],
  ])('waits for nobody who would write to a pipe: %s', async (command, reason) => {
    const cwd = await temporaryDirectory();
    await execProcess('mkfifo', [join(cwd, 'pipe')]);
    const { stderr, exitCode } = await saddlebag([command, './pipe'], { cwd });
    expect(stderr).toContain(`${join(cwd, 'pipe')}: ${reason}\n`);
    expect(exitCode).toBe(1);
  });

  it('does not replace a page unless it is told to', async () => {
    const cwd = await bundles();
    const write = (...flags: string[]) =>
      saddlebag(['inspect', 'one', '--html', 'page.html', ...flags], { cwd });
    expect((await write()).stdout).toBe(`${join(cwd, 'page.html')}`);
    expect(await write()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('page.html') });
    expect((await write('--force')).exitCode).toBe(0);
    expect(await readFile(join(cwd, 'page.html'), 'utf8')).toContain('<!doctype html>');
  });
});

describe('saddlebag diff', () => {
  it('says what changed and how much is new', async () => {
    const cwd = await bundles();
    expect((await saddlebag(['diff', 'one', 'two'], { cwd })).stdout).toMatch(
      /^they run different things\n {2}updated {2}web {2}\+65\.0 kB\n[\d.]+ MB → [\d.]+ MB, of which [\d.]+ kB \([\d.]+ %\) are new\npublishing it beside the old one sends [\d.]+ MB$/,
    );
    expect(await saddlebagJson(['diff', 'one', 'one'], { cwd })).toMatchObject({ version: 1, same: true });
  });
});

describeWith(['chromium'], 'the page of sizes in Chromium', () => {
  it('shows a tile for each store path and runs no script', async () => {
    const cwd = await bundles();
    await saddlebag(['inspect', 'two', '--html', 'page.html'], { cwd });
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(cwd, 'profile')}`];
    const { stdout } = await execProcess(
      'chromium',
      [...flags, '--dump-dom', `file://${join(cwd, 'page.html')}`],
      {
        timeoutMs: 60_000,
      },
    );
    expect(stdout).toMatch(/<rect [^>]+><title>\/nix\/store\/\w{32}-web \(70\.0 kB\)<\/title><\/rect>/);
    expect(stdout).toMatch(/<title>\/nix\/store\/\w{32}-web\/share\/text \(70\.0 kB\)<\/title>/);
    expect(stdout).not.toContain('<script');
  });
});
