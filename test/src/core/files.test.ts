import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compareBytes, refuseTaken, sortedNames, writeAtomically } from '../../../src/core/files.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const keep = { force: false, mode: 0o644 };

describe('writeAtomically', () => {
  it('gives the mode that was asked for and returns what the writer returns', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'out');
    const result = await writeAtomically(file, { force: false, mode: 0o755 }, async (handle) => {
      await handle.writeFile('content');
      return 7;
    });
    expect(result).toBe(7);
    expect((await stat(file)).mode & 0o777).toBe(0o755);
    expect(await readdir(directory)).toEqual(['out']);
  });

  it('keeps a file that appears while it writes', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'out');
    const writing = writeAtomically(file, keep, () => writeFile(file, 'theirs'));
    await expect(writing).rejects.toMatchObject({
      code: 'output-exists',
      message: `cannot write ${file}: it exists already`,
    });
    expect(await readFile(file, 'utf8')).toBe('theirs');
    expect(await readdir(directory)).toEqual(['out']);
  });

  it('removes what it wrote when the writer fails, and passes its error on', async () => {
    const directory = await temporaryDirectory();
    const failure = new Error('no');
    await expect(writeAtomically(join(directory, 'out'), keep, () => Promise.reject(failure))).rejects.toBe(
      failure,
    );
    expect(await readdir(directory)).toEqual([]);
  });

  it('names the output and the reason when the disk is full', async () => {
    const writing = writeAtomically(join(await temporaryDirectory(), 'out'), keep, () =>
      Promise.reject(Object.assign(new Error('ENOSPC: …'), { errno: -28, code: 'ENOSPC' })),
    );
    await expect(writing).rejects.toMatchObject({
      code: 'output-failed',
      message: expect.stringMatching(/^cannot write .*out: no space left on device$/),
    });
  });

  it('says so when the directory does not exist', async () => {
    const file = join(await temporaryDirectory(), 'none', 'out');
    await expect(writeAtomically(file, keep, async () => undefined)).rejects.toMatchObject({
      code: 'output-failed',
      message: `cannot write ${file}: no such file or directory`,
      hint: `make its directory first: mkdir -p ${join(file, '..')}`,
    });
  });

  it('says before it writes that there is no place, and what to do', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    for (const [name, reason, hint] of [
      ['x'.repeat(256), 'the name is too long', 'choose a shorter name'],
      ['file/out', 'a part of the path is not a directory', 'choose a place in a directory'],
    ] as const) {
      const refused = refuseTaken(join(directory, name), { force: true });
      await expect(refused).rejects.toMatchObject({
        code: 'output-failed',
        message: `cannot write ${join(directory, name)}: ${reason}`,
        hint,
      });
    }
  });

  it.skipIf(process.geteuid?.() === 0)('refuses a directory that it may not write to', async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o555);
    await expect(refuseTaken(join(directory, 'out'), { force: true })).rejects.toMatchObject({
      message: `cannot write ${join(directory, 'out')}: permission denied`,
      hint: `${directory} has to be writable: choose another place`,
    });
  });

  it('never replaces what is no file, nor a link that leads to such', async () => {
    const directory = await temporaryDirectory();
    const socket = join(directory, 'socket');
    const server = createServer().listen(socket);
    onTestFinished(() => void server.close());
    const link = join(directory, 'link');
    await symlink('/dev/null', link);
    await symlink('.', join(directory, 'current'));
    for (const [file, code] of [
      [socket, 'output-not-file'],
      [link, 'output-not-file'],
      [join(directory, 'current'), 'output-is-directory'],
    ] as const) {
      const writing = writeAtomically(file, { force: true, mode: 0o644 }, async () => undefined);
      await expect(writing).rejects.toMatchObject({ code });
    }
    expect((await lstat(socket)).isSocket()).toBe(true);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
  });
});

describe('sortedNames', () => {
  it('sorts by bytes, beyond the basic plane too', async () => {
    const directory = await temporaryDirectory();
    const names = ['b', 'B', 'é', '\u{1F600}', '\uFB00', 'a-b', 'a'];
    for (const name of names) await mkdir(join(directory, name));
    expect(await sortedNames(directory)).toEqual(['B', 'a', 'a-b', 'b', 'é', '\uFB00', '\u{1F600}']);
    expect(compareBytes('\uFB00', '\u{1F600}')).toBeLessThan(0);
  });

  it('refuses a name that is not UTF-8 and shows its bytes', async () => {
    const directory = await temporaryDirectory();
    await writeFile(Buffer.concat([Buffer.from(`${directory}/caf`), Buffer.from([0xe9])]), '');
    await expect(sortedNames(directory)).rejects.toMatchObject({
      code: 'name-not-utf8',
      message: expect.stringContaining('(bytes 636166e9)'),
    });
  });
});
