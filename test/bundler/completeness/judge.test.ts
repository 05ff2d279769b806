import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ElfFact, PathFacts } from '../../../bundler/completeness/facts.ts';
import { judgeClosure } from '../../../bundler/completeness/judge.ts';
import type { Closure } from '../../../src/core/types.ts';
import { closureOf, entrypointOf, fakeStorePath, type Member, writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const lib = fakeStorePath('lib', 'a');
const app = fakeStorePath('app', 'b');
const loader = `${lib}/lib/ld.so`;

const elf = (path: string, more: Partial<ElfFact> = {}): ElfFact => ({
  path,
  arch: 'x86_64',
  interpreter: null,
  needed: [],
  soname: null,
  rpath: null,
  runpath: null,
  ...more,
});

const program = (more: Partial<ElfFact> = {}) => elf('bin/app', { interpreter: loader, ...more });

/** A library `lib/ld.so` and an app, as they lie on disk, with `facts` told of them. */
async function judge(
  facts: { readonly lib?: Partial<PathFacts>; readonly app?: Partial<PathFacts> },
  options: {
    readonly files?: Readonly<Record<string, Member>>;
    readonly app?: Readonly<Record<string, Member>>;
    readonly closure?: Partial<Closure>;
  } = {},
) {
  const directory = await temporaryDirectory();
  await writeTree(join(directory, 'lib'), { 'lib/ld.so': '1', 'lib/libz.so.1': '2', ...options.files });
  await writeTree(join(directory, 'app'), { 'bin/app': '3', ...options.app });
  const closure = closureOf(
    [
      { name: 'lib', letter: 'a', directory: join(directory, 'lib') },
      { name: 'app', letter: 'b', directory: join(directory, 'app') },
    ],
    'bin/app',
    { arch: 'x86_64', ...options.closure },
  );
  const none = { elfs: [], scripts: [], links: [], secrets: [] };
  return judgeClosure(closure, [
    { storePath: lib, ...none, ...facts.lib },
    { storePath: app, ...none, ...facts.app },
  ]);
}

describe('judgeClosure', () => {
  it('finds nothing where loader and libraries are there', async () => {
    const needed = ['libz.so.1', 'ld.so'];
    const found = await judge({
      lib: { elfs: [elf('lib/ld.so'), elf('lib/libz.so.1', { needed: ['ld.so'] })] },
      app: { elfs: [program({ needed, runpath: `$ORIGIN/../../../../nix/store/x:${lib}/lib` })] },
    });
    expect(found).toEqual([]);
  });

  it('calls a library fatal that the program, or one of its libraries, needs to start', async () => {
    const found = await judge({
      lib: { elfs: [elf('lib/libz.so.1', { needed: ['libgone.so.2'] })] },
      app: { elfs: [program({ needed: ['libz.so.1', 'libssl.so.3'], rpath: `${lib}/lib` })] },
    });
    expect(found).toEqual([
      { kind: 'library-missing', fatal: true, problem: 'libssl.so.3 is missing', file: `${app}/bin/app` },
      {
        kind: 'library-missing',
        fatal: true,
        problem: 'libgone.so.2 is missing',
        file: `${lib}/lib/libz.so.1`,
      },
    ]);
  });

  it('only notes what a plugin lacks, and lets the DT_RPATH of the program serve it', async () => {
    const found = await judge({
      lib: { elfs: [elf('lib/libz.so.1', { soname: 'libz.so' })] },
      app: {
        elfs: [
          program({ needed: ['libz.so.1'], rpath: `${lib}/lib` }),
          elf('lib/plugin.so', { needed: ['libz.so.1', 'libz.so', 'libqt.so.6'] }),
        ],
      },
    });
    expect(found).toEqual([
      {
        kind: 'library-missing',
        fatal: false,
        problem: 'libqt.so.6 is missing',
        file: `${app}/lib/plugin.so`,
      },
    ]);
  });

  it('knows the program that a link starts, and libraries that it loads by their paths', async () => {
    const closure = closureOf([{ name: 'app', letter: 'b', directory: '' }], 'bin/link');
    const found = await judge(
      {
        lib: { elfs: [elf('lib/libz.so.1')] },
        app: {
          elfs: [
            program({ rpath: `${lib}/lib` }),
            elf('home/libvm.so', { needed: ['libz.so.1'] }),
            elf('home/libawt.so', { needed: ['libvm.so', 'libgone.so'] }),
          ],
        },
      },
      { closure: { entrypoint: closure.entrypoint }, app: { 'bin/link': { link: 'app' } } },
    );
    expect(found).toMatchObject([{ fatal: false, problem: 'libgone.so is missing' }]);
  });

  it('lets a script be run by what appears at its path', async () => {
    const scripts = [{ path: 'bin/script', interpreter: '/bin/sh', command: null }];
    const bind = { source: `${app}/bin/app`, target: '/bin/sh', policy: 'where-absent' as const };
    expect(await judge({ app: { scripts } })).toHaveLength(1);
    expect(await judge({ app: { scripts } }, { closure: { binds: [bind] } })).toEqual([]);
  });

  it('does not take a library of another processor for one', async () => {
    const found = await judge({
      lib: { elfs: [elf('lib/libz.so.1', { arch: 'aarch64' })] },
      app: { elfs: [program({ needed: ['libz.so.1'], runpath: `${lib}/lib` })] },
    });
    expect(found).toMatchObject([{ fatal: true, problem: 'libz.so.1 is missing' }]);
  });

  it('refuses an entrypoint for another processor, or without its loader', async () => {
    const found = await judge({
      app: { elfs: [program({ arch: 'aarch64', interpreter: `${lib}/lib/ld-gone.so` })] },
    });
    expect(found).toMatchObject([
      { kind: 'arch-unsupported', fatal: true, problem: 'made for aarch64, in a bundle for x86_64' },
      { kind: 'interpreter-missing', fatal: true, problem: `the loader ${lib}/lib/ld-gone.so is missing` },
    ]);
  });

  it('follows the script that is the entrypoint to the program that runs it', async () => {
    const found = await judge(
      {
        lib: { elfs: [elf('bin/sh', { needed: ['libgone.so'] })] },
        app: { scripts: [{ path: 'bin/app', interpreter: `${lib}/bin/sh`, command: null }] },
      },
      { files: { 'bin/sh': '' } },
    );
    expect(found).toMatchObject([{ fatal: true, problem: 'libgone.so is missing' }]);
  });

  it('follows a script to its interpreter through a link, as a virtual environment has it', async () => {
    const found = await judge(
      {
        lib: { elfs: [elf('bin/real', { interpreter: loader, needed: ['libgone.so.1'] })] },
        app: { scripts: [{ path: 'bin/app', interpreter: `${lib}/bin/python3`, command: null }] },
      },
      { files: { 'bin/real': '4', 'bin/python3': { link: `${lib}/bin/real` } } },
    );
    expect(found).toMatchObject([{ kind: 'library-missing', fatal: true, file: `${lib}/bin/real` }]);
  });

  it('notes scripts and links that need the host, or lead nowhere', async () => {
    const gone = fakeStorePath('gone', 'c');
    const found = await judge(
      {
        app: {
          scripts: [
            { path: 'a', interpreter: '/usr/bin/env', command: 'perl' },
            { path: 'b', interpreter: `${gone}/bin/sh`, command: null },
            { path: 'c', interpreter: `${lib}/alias/ld.so`, command: null },
          ],
          links: [
            { path: 'd', target: '/etc/localtime' },
            { path: 'e', target: `${gone}/x` },
            { path: 'f', target: `${lib}/alias/../lib/ld.so` },
            { path: 'g', target: `${lib}/loop` },
          ],
        },
      },
      { files: { alias: { link: 'lib' }, loop: { link: 'loop' } } },
    );
    expect(found.map(({ kind, problem, file }) => [kind, problem, file.slice(app.length + 1)])).toEqual([
      ['interpreter-missing', 'run by perl of the host', 'a'],
      ['interpreter-missing', `${gone}/bin/sh is missing`, 'b'],
      ['link-dangling', 'a link to /etc/localtime of the host', 'd'],
      ['link-dangling', `a link to ${gone}/x, which is missing`, 'e'],
      ['link-dangling', `a link to ${lib}/loop, which is missing`, 'g'],
    ]);
  });

  it('takes no module for a script, in a tree of modules of what would run it', async () => {
    const script = (path: string, command: string) => ({ path, interpreter: '/usr/bin/env', command });
    const found = await judge({
      app: {
        scripts: [
          script('lib/python3.11/cProfile.py', 'python3'),
          script('lib/python3.11/site-packages/numpy/testing/table.py', 'python'),
          script('lib/ruby/gems/3.1.0/gems/bundler/libexec/bundle', 'ruby'),
          script('lib/x86_64-linux-gnu/perl/5.36.0/pod.pl', 'perl'),
          script('lib/python3.11/site-packages/driver/start', 'sh'),
          script('bin/tool', 'python3'),
        ],
      },
    });
    expect(found.map(({ file }) => file.slice(app.length + 1))).toEqual([
      'lib/python3.11/site-packages/driver/start',
      'bin/tool',
    ]);
  });

  it('reads paths of an image as its root', async () => {
    const found = await judge(
      {
        lib: {
          elfs: [
            elf('usr/bin/web', { interpreter: '/lib64/ld.so', needed: ['libc.so.6', 'libgone.so'] }),
            elf('usr/lib/libc.so.6'),
          ],
          links: [
            { path: 'etc/mtab', target: '/proc/mounts' },
            { path: 'bin', target: '/usr/bin' },
          ],
        },
      },
      {
        files: {
          'usr/bin/web': '',
          'usr/lib/libc.so.6': '',
          'usr/lib/ld.so': '',
          lib64: { link: '/usr/lib' },
        },
        closure: {
          root: lib,
          entrypoint: entrypointOf(`${lib}/usr/bin/web`),
        },
      },
    );
    expect(found.map(({ problem }) => problem)).toEqual([
      'libgone.so is missing',
      'a link to /proc/mounts of the host',
    ]);
  });
});
