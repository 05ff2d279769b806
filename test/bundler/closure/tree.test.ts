import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type TreeNode, walkTree } from '../../../bundler/closure/tree.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

async function collect(directory: string): Promise<TreeNode[]> {
  return Array.fromAsync(walkTree(directory));
}

describe('walkTree', () => {
  it('sorts by the bytes of whole paths and puts a directory before what it holds', async () => {
    const top = await temporaryDirectory();
    await mkdir(join(top, 'a'));
    for (const name of ['a/b', 'a-b', 'a.b', 'B', 'é']) await writeFile(join(top, name), '');
    expect((await collect(top)).map((node) => node.path)).toEqual(['', 'B', 'a', 'a-b', 'a.b', 'a/b', 'é']);
  });

  it('sorts names beyond the basic plane by bytes, not by code units', async () => {
    const top = await temporaryDirectory();
    // U+FF5E sorts after U+1F600 as UTF-16, before it as UTF-8.
    for (const name of ['\u{1f600}', '\uff5e']) await writeFile(join(top, name), '');
    expect((await collect(top)).map((node) => node.path)).toEqual(['', '\uff5e', '\u{1f600}']);
  });

  it('tells size, executable bit and link target, and follows no link', async () => {
    const top = await temporaryDirectory();
    await writeFile(join(top, 'run'), '12345');
    await chmod(join(top, 'run'), 0o4755);
    await writeFile(join(top, 'text'), '');
    await chmod(join(top, 'text'), 0o644);
    await symlink('.', join(top, 'loop'));
    expect(await collect(top)).toEqual([
      { kind: 'directory', path: '' },
      { kind: 'symlink', path: 'loop', target: '.' },
      { kind: 'file', path: 'run', file: join(top, 'run'), executable: true, sizeBytes: 5 },
      { kind: 'file', path: 'text', file: join(top, 'text'), executable: false, sizeBytes: 0 },
    ]);
  });

  it('takes a top that is a file or a link', async () => {
    const top = await temporaryDirectory();
    await writeFile(join(top, 'file'), 'x', { mode: 0o644 });
    await symlink('nowhere', join(top, 'link'));
    expect(await collect(join(top, 'file'))).toEqual([
      { kind: 'file', path: '', file: join(top, 'file'), executable: false, sizeBytes: 1 },
    ]);
    expect(await collect(join(top, 'link'))).toEqual([{ kind: 'symlink', path: '', target: 'nowhere' }]);
  });

  it('keeps every name of a directory larger than one batch', async () => {
    const top = await temporaryDirectory();
    const names = Array.from({ length: 150 }, (_, index) => `n${String(index).padStart(3, '0')}`);
    await Promise.all(names.map((name) => writeFile(join(top, name), '')));
    expect((await collect(top)).map((node) => node.path)).toEqual(['', ...names]);
  });

  it('refuses a socket by name', async () => {
    const top = await temporaryDirectory();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(top, 'app.sock'), resolve));
    onTestFinished(() => void server.close());
    await expect(collect(top)).rejects.toMatchObject({
      code: 'entry-unsupported',
      message: `cannot bundle ${top}/app.sock: it is a socket`,
    });
  });

  it('refuses names and link targets that are not UTF-8', async () => {
    const top = await temporaryDirectory();
    await symlink(Buffer.from([0x66, 0xff]), join(top, 'link'));
    await expect(collect(top)).rejects.toMatchObject({
      code: 'name-not-utf8',
      message: expect.stringContaining('(bytes 66ff)'),
    });
  });

  it('names what it cannot read', async () => {
    const top = await temporaryDirectory();
    await expect(collect(join(top, 'absent'))).rejects.toMatchObject({
      code: 'tree-unreadable',
      message: `cannot read ${top}/absent: no such file or directory`,
    });
  });

  it.skipIf(process.geteuid?.() === 0)('says what to do about what it may not read', async () => {
    const top = await temporaryDirectory();
    await mkdir(join(top, 'closed'), { mode: 0 });
    await expect(collect(top)).rejects.toMatchObject({
      message: `cannot read ${top}/closed: permission denied`,
      hint: 'make it readable for the user who bundles',
    });
  });
});
