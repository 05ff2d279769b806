import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../bundler/closure/elf/read.ts';
import { librariesMissing, resolveLibraries } from '../../../../bundler/closure/elf/resolve.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';
import { type ElfSketch, writeElf } from './build-elf.ts';

/** Writes ELF files into one directory and resolves `app`, which searches there. */
async function resolveApp(files: Readonly<Record<string, ElfSketch>>, loader = 'ld-test.so.2') {
  const directory = await temporaryDirectory();
  await writeElf(join(directory, loader), { soname: 'ld-soname.so.2' });
  for (const [name, sketch] of Object.entries(files)) await writeElf(join(directory, name), sketch);
  const app = await readElf(join(directory, 'app'));
  if (app === null) throw new Error('no app');
  const result = await resolveLibraries([app], join(directory, loader), app.file);
  return { directory, app, missing: result.missing, names: [...result.libraries.keys()] };
}

describe('resolveLibraries', () => {
  it('loads breadth first, each library once, the loader by either name', async () => {
    const { names, missing } = await resolveApp({
      app: { rpath: '$ORIGIN', needed: ['liba.so', 'libb.so'] },
      'liba.so': { needed: ['libc1.so', 'ld-soname.so.2'] },
      'libb.so': { needed: ['liba.so', 'libc1.so', 'ld-test.so.2'] },
      'libc1.so': { needed: ['libb.so'] },
    });
    expect(names).toEqual(['ld-test.so.2', 'liba.so', 'libb.so', 'libc1.so']);
    expect(missing).toEqual([]);
  });

  it('lets a DT_SONAME serve later requests', async () => {
    const { names, missing } = await resolveApp({
      app: { rpath: '$ORIGIN', needed: ['liba.so', 'libb.so'] },
      'liba.so': { soname: 'liba.so.1' },
      'libb.so': { needed: ['liba.so.1'] },
    });
    expect(names).toEqual(['ld-test.so.2', 'liba.so', 'libb.so']);
    expect(missing).toEqual([]);
  });

  it('brings along what glibc opens by name, with its own needs', async () => {
    const { names } = await resolveApp({
      app: { rpath: '$ORIGIN', needed: ['libc.so.6'] },
      'libc.so.6': {},
      'libnss_dns.so.2': { needed: ['libhelp.so'], rpath: '$ORIGIN' },
      'libhelp.so': {},
    });
    expect(names).toEqual(expect.arrayContaining(['libnss_dns.so.2', 'libhelp.so']));
  });

  it('takes the loader of musl for its C library under all its names', async () => {
    const { names, missing } = await resolveApp(
      {
        app: { rpath: '$ORIGIN', needed: ['libc.musl-x86_64.so.1', 'libpthread.so.0', 'libz.so.1'] },
        'libz.so.1': {},
      },
      'ld-musl-x86_64.so.1',
    );
    expect(names).toEqual(['ld-musl-x86_64.so.1', 'libz.so.1']);
    expect(missing).toEqual([]);
  });

  it('lists all that is missing, with who needs it and why', async () => {
    const { app, directory, missing } = await resolveApp({
      app: { rpath: '$ORIGIN', needed: ['liba.so', 'libgone-1.so', '/opt/libfixed.so', 'libarm.so'] },
      'liba.so': { needed: ['libgone-2.so'] },
      'libarm.so': { machine: 40 },
    });
    const error = librariesMissing(app.file, missing);
    expect(error).toMatchObject({ code: 'library-missing' });
    expect(error.message).toBe(
      `cannot bundle ${app.file}: libgone-1.so is missing, needed by ${app.file}; /opt/libfixed.so is asked for by ` +
        `its path, which leads out of any bundle, needed by ${app.file}; libarm.so is missing (${directory}/libarm.so: ` +
        `for another processor), needed by ${app.file}; libgone-2.so is missing, needed by ${directory}/liba.so`,
    );
  });

  it('refuses a loader that is not there', async () => {
    const directory = await temporaryDirectory();
    const app = await readElf(await writeElf(join(directory, 'app')));
    await expect(
      resolveLibraries(app === null ? [] : [app], `${directory}/ld.so`, '/app'),
    ).rejects.toMatchObject({
      code: 'interpreter-missing',
      message: `cannot bundle /app: its dynamic loader ${directory}/ld.so does not exist`,
    });
  });
});
