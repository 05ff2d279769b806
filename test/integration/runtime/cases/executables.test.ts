import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { readClosure } from '../../../../bundler/closure/closure.ts';
import { testContext } from '../../../helpers/context.ts';
import { findTool } from '../../../helpers/needs.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';
import type { TestBundle } from '../bundles.ts';
import type { Cell } from './cell.ts';
import { describeCases } from './harness.ts';
import { compile, programDirectory } from './programs.ts';

const run = promisify(execFile);

/** Bundles a program of this machine with all that it needs, as `saddlebag bundle program:` does. */
async function bundleProgram(cell: Cell, program: string, args: readonly string[] = []): Promise<TestBundle> {
  const work = await temporaryDirectory();
  const path = process.env.PATH ?? '';
  const request = { app: `program:${program}`, args: [], env: {} };
  const closure = await readClosure(request, work, testContext({ env: { PATH: path } }));
  return cell.bundle('', { closure, args });
}

const empty = { isBare: true, root: { shows: ['dev', 'proc', 'sys'] } } as const;

/** How a program of C is linked, and what `file` would say of it. */
const linkings: Readonly<Record<string, { flags: readonly string[]; compiler?: string }>> = {
  static: { flags: ['-static'] },
  'static-PIE': { flags: ['-static-pie'] },
  PIE: { flags: ['-pie', '-fPIE'] },
  'non-PIE': { flags: ['-no-pie'] },
  'static musl': { flags: ['-static'], compiler: 'musl-gcc' },
  musl: { flags: [], compiler: 'musl-gcc' },
};

const languages: readonly { name: string; tools: readonly string[]; source: string; build: string }[] = [
  {
    name: 'Go',
    tools: ['go'],
    source:
      'package main\nimport ("fmt"; "os")\nfunc main() { p, e := os.Executable(); fmt.Println(e == nil && len(p) > 0, len(os.Args)) }\n',
    build:
      'mv source main.go && CGO_ENABLED=0 GO111MODULE=off GOCACHE="$PWD/cache" go build -o program main.go',
  },
  {
    name: 'Rust',
    tools: ['rustc'],
    source: 'fn main() { println!("{} {}", std::env::current_exe().is_ok(), std::env::args().count()); }\n',
    build: 'mv source main.rs && rustc -o program main.rs',
  },
];

const interpreters: readonly { name: string; tool: string; args: readonly string[]; printed: string }[] = [
  {
    name: 'Python',
    tool: 'python3',
    args: ['-c', 'import json, ssl; print(json.dumps([1]))'],
    printed: '[1]\n',
  },
  { name: 'Perl', tool: 'perl', args: ['-MList::Util=sum', '-e', 'print sum(1, 2), "\\n"'], printed: '3\n' },
  { name: 'Node', tool: 'node', args: ['-p', 'process.execPath.length > 0'], printed: 'true\n' },
];

describeCases('Executables', (runCase) => {
  for (const [name, { flags, compiler = 'gcc' }] of Object.entries(linkings)) {
    runCase(40, `a ${name} program, in an empty root`, { needs: [compiler, 'gcc'] }, async (cell) => {
      const bundle = await bundleProgram(cell, await compile('app', flags, compiler), ['count']);
      const outcome = await cell.start(bundle, { ...empty, args: ['x'] });
      expect(outcome).toMatchObject({ code: 0, stdout: `3 ${bundle.file.length + 6}\n`, stderr: '' });
    });
  }

  for (const { name, tools, source, build } of languages) {
    runCase(40, `a program in ${name}, in an empty root`, { needs: tools, isLong: true }, async (cell) => {
      const bundle = await bundleProgram(cell, await buildIn(name, source, build));
      expect(await cell.start(bundle, empty)).toMatchObject({ code: 0, stdout: 'true 1\n', stderr: '' });
    });
  }

  for (const { name, tool, args, printed } of interpreters) {
    runCase(40, `${name}, in an empty root`, { needs: [tool], isLong: true }, async (cell) => {
      const file = await realProgram(tool, name);
      const bundle = await bundleProgram(cell, file, args);
      expect(await cell.start(bundle, empty)).toMatchObject({ code: 0, stdout: printed });
    });
  }

  runCase(41, 'shebangs: env, over 127 bytes, to another script', {}, async (cell) => {
    const long = `share/${'d'.repeat(60)}/${'e'.repeat(60)}/interpreter`;
    const bundle = await cell.bundle(
      'here=$(dirname "$0"); "$here/env"; "$here/chain" x; sh "$here/long" 2>&1 | head -1',
      {
        members: {
          'bin/env': { executable: '#!/usr/bin/env sh\necho env\n' },
          'bin/second': { executable: '#!/bin/sh\necho second "$(basename "$1")" "$2"\n' },
          'bin/chain': {
            executable: '#!/usr/bin/env -S sh -c \'exec sh "$(dirname "$0")/second" "$0" "$@"\'\n',
          },
          'bin/long': { executable: `#!/nix/store/${'c'.repeat(32)}-app-1.0/${long}\necho long\n` },
        },
      },
    );
    const outcome = await cell.start(bundle);
    expect(outcome.stdout).toBe('env\nsecond chain x\nlong\n');
  });

  runCase(42, 'a program that finds its files by /proc/self/exe', { needs: ['gcc'] }, async (cell) => {
    const bundle = await cell.bundle('readlink /proc/$$/exe > /dev/null; exec "$(dirname "$0")/find" self', {
      members: { 'bin/find': { executable: await readFile(await compile('app')) }, 'share/data': 'data\n' },
    });
    const outcome = await cell.start(bundle);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/app-1\.0\/bin\/find\n$/);
  });

  runCase(43, 'a bundle of another architecture', { needs: ['gcc'] }, async (cell) => {
    const other = process.arch === 'arm64' ? 'x86_64' : 'aarch64';
    const bundle = await cell.bundle('echo never', { arch: other });
    // The kernel refuses the file before any code of ours could say why.
    const outcome = await cell.start(bundle, { before: 'c=0; "$0" || c=$?; exit $c' });
    expect([126, 2]).toContain(outcome.code);
    expect(outcome.stderr).toMatch(/Exec format error|Syntax error|cannot execute/);
  });

  runCase(
    43,
    'a program of another architecture is refused',
    { withoutStrategy: 'decided when the bundle is made' },
    async (cell) => {
      const program = await readFile(await compile('app'));
      program.writeUInt16LE(8, 18);
      const file = join(await temporaryDirectory(), 'mips');
      await writeFile(file, program, { mode: 0o755 });
      await expect(bundleProgram(cell, file)).rejects.toMatchObject({ code: 'arch-unsupported' });
    },
  );

  runCase(44, 'LD_PRELOAD and LD_LIBRARY_PATH of the host', { needs: ['gcc'] }, async (cell) => {
    const bundle = await bundleProgram(cell, await compile('app', ['-pie', '-fPIE']), ['count']);
    const broken = join(bundle.directory, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'libc.so.6'), 'no library');
    const before = `export LD_LIBRARY_PATH=${broken} LD_PRELOAD=/nonexistent/preload.so`;
    expect(await cell.start(bundle, { before })).toMatchObject({ code: 0, stderr: '' });
  });

  runCase(
    45,
    'a host with an older glibc: Debian bullseye',
    {
      needs: ['debootstrap', 'gcc'],
      isLong: true,
      notFor: { 'in-place': 'its /usr would be the test’s', native: 'its /usr would be the test’s' },
    },
    async (cell) => {
      const system = await bullseye(cell);
      const bundle = await bundleProgram(cell, await realProgram('perl', 'Perl'), [
        '-e',
        'print "$^V\\n"; print -e "/etc/debian_version" ? 1 : 0',
      ]);
      // Of /tmp a case sees its bundle's directory alone.
      const root = join(bundle.directory, 'debian');
      await run('cp', ['--archive', '--link', system, root]);
      const inside = `for each in usr etc; do mount --bind ${root}/$each $each; done
      for each in bin sbin lib lib64; do ln -sfn usr/$each $each; done`;
      const outcome = await cell.start(bundle, {
        root: { shows: ['dev', 'proc', 'sys'], inside: `mkdir -p usr etc; ${inside}` },
        isBare: true,
      });
      const { stdout: known } = await run('perl', ['-e', 'print "$^V\\n"']);
      expect(outcome).toMatchObject({ code: 0, stdout: `${known}1`, stderr: '' });
    },
  );
});

const built = new Map<string, Promise<string>>();

/** Builds a program of another language, once, and returns its path. */
function buildIn(name: string, source: string, build: string): Promise<string> {
  const known = built.get(name) ?? buildOnce(source, build);
  built.set(name, known);
  return known;
}

async function buildOnce(source: string, build: string): Promise<string> {
  const directory = await programDirectory();
  await writeFile(join(directory, 'source'), source);
  await run('/bin/sh', ['-euc', build], { cwd: directory });
  return join(directory, 'program');
}

let debian: Promise<string | undefined> | undefined;

/** Makes a minimal Debian 11, once; skips the case where its archive is not in reach. */
async function bullseye(cell: Cell): Promise<string> {
  debian ??= (async () => {
    const directory = await programDirectory();
    const words = ['--variant=minbase', '--foreign', 'bullseye', directory];
    const made = await run('debootstrap', words, { timeout: 300_000 }).catch(() => undefined);
    return made === undefined ? undefined : directory;
  })();
  return (await debian) ?? cell.skip('debootstrap: the archive of Debian is not in reach');
}

/** Finds a program that is no script of a version manager. */
async function realProgram(tool: string, name: string): Promise<string> {
  const candidates = [
    `/usr/bin/${tool}`,
    findTool(tool) ?? '',
    ...(name === 'Node' ? [process.execPath] : []),
  ];
  for (const file of candidates) {
    const head = await readFile(file).catch(() => Buffer.alloc(0));
    if (head.subarray(1, 4).toString() === 'ELF') return file;
  }
  throw new Error(`${tool} is a script`);
}
