import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { read } from './read-program.ts';
import { placeClosure, rootTools, runInRoot } from './store-root.ts';

describeWith([...rootTools, 'node', 'sh'], 'the closure of a script', () => {
  async function script(text: string, name = 'greet'): Promise<string> {
    const file = join(await temporaryDirectory(), name);
    await writeFile(file, text, { mode: 0o755 });
    return file;
  }

  it('brings the program that env finds', async () => {
    const closure = await read(await script('#!/usr/bin/env node\nconsole.log("hello", process.argv[2]);\n'));
    expect(closure).toMatchObject({ name: 'greet', entrypoint: { interpreter: 'node' }, ownLoader: true });
    expect(closure.paths).toHaveLength(3);
    const result = await runInRoot(await placeClosure(closure), closure, ['you']);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'hello you' });
  });

  it('keeps several arguments apart, with env -S', async () => {
    const file = await script(
      '#!/usr/bin/env -S node --no-warnings --title=greeter\nconsole.log(process.title);\n',
    );
    const closure = await read(file);
    const result = await runInRoot(await placeClosure(closure), closure);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'greeter' });
  });

  it('brings the shell of #!/bin/sh, and a script that runs a script', async () => {
    const inner = await script('#!/bin/sh\nIFS= read -r line < "$1"\necho "first line: $line"\n', 'inner');
    const outer = await script(`#!${inner}\nall that follows\n`, 'outer');
    const closure = await read(outer);
    expect(closure.entrypoint.interpreter).toBe('inner');
    const result = await runInRoot(await placeClosure(closure), closure);
    expect(result.stdout).toMatch(/^first line: #!\/nix\/store\/.*-inner\/bin\/inner$/);
  });

  it('refuses what stands for a program of a version manager', async () => {
    const directory = join(await temporaryDirectory(), 'shims');
    await mkdir(directory);
    await writeFile(join(directory, 'python3'), '#!/bin/sh\nexec pyenv exec python3\n', { mode: 0o755 });
    await expect(read(await script(`#!${join(directory, 'python3')}\n`))).rejects.toMatchObject({
      code: 'program-shim',
      message: `cannot bundle ${join(directory, 'python3')}: it is a version manager's stand-in for python3`,
    });
  });

  it.each([
    ['\ufeff#!/bin/sh\n', 'not-executable', 'it is neither an ELF program nor a script', 'byte order mark'],
    ['', 'not-executable', 'it is empty', '#!/bin/sh'],
    ['#!/bin/sh\r\necho\r\n', 'shebang-unsupported', 'its first line ends with a carriage return', 'sed -i'],
  ])('refuses %j with %s', async (content, code, reason, hint) => {
    const file = await script(content);
    await expect(read(file)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`cannot bundle ${file}: ${reason}`),
      hint: expect.stringContaining(hint),
    });
  });

  it('names an interpreter that is not there', async () => {
    const file = await script('#!/usr/bin/env no-such-runtime\n');
    await expect(read(file)).rejects.toMatchObject({
      code: 'interpreter-missing',
      message: `cannot bundle ${file}: its interpreter no-such-runtime is not on PATH`,
    });
  });
});
