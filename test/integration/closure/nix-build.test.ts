import { chmod, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { privateStoreTools } from '../../helpers/private-store.ts';
import { nixProject } from './nix-project.ts';

describeWith(privateStoreTools, 'what Nix is asked to build', () => {
  const { suite, cwd, store, bundle, bundled } = nixProject();

  const entrypointOf = ({ entrypoint }: Bundle) => entrypoint.program.replace(/^\/nix\/store\/[^-]*-/, '');

  it.each([
    ['a flake', ['.#many'], 'many-tools-2.1-bin/bin/first'],
    ['an app of a flake', ['.#second'], 'many-tools-2.1-bin/bin/second'],
    ['any attribute of a flake', ['.#other.thing'], 'lone-bin/bin/only'],
    ['a directory, where it has no flake', ['nix:../plain'], 'lone-bin/bin/only'],
    ['a flake by its path', ['path:./#lone'], 'lone-bin/bin/only'],
    ['-A alone', ['-A', 'many'], 'many-tools-2.1-bin/bin/first'],
    ['-f and -A', ['-f', 'default.nix', '-A', 'lone'], 'lone-bin/bin/only'],
    ['a file as nix-build takes it', ['./default.nix', '-A', 'lone'], 'lone-bin/bin/only'],
    ['a file with one derivation', ['with space/one.nix'], 'lone-bin/bin/only'],
    ['a nested attribute in quotes', ['-A', 'nested.deep."a.b"'], 'lone-bin/bin/only'],
    ['--expr', ['--expr', '(import ./default.nix { }).lone'], 'lone-bin/bin/only'],
    ['--expr and -A', ['--expr', 'import ./default.nix { }', '-A', 'lone'], 'lone-bin/bin/only'],
    [
      'the path of a program',
      ['--expr', `"\${(import ./. { }).many.bin}/bin/many"`],
      'many-tools-2.1-bin/bin/many',
    ],
    ['without mainProgram, the name', ['-A', 'named'], 'many-tools-2.1-bin/bin/many'],
    ['a mainProgram that is not there', ['-A', 'lying'], 'many-tools-2.1-bin/bin/many'],
    ['--entrypoint', ['-A', 'many', '--entrypoint', 'second'], 'many-tools-2.1-bin/bin/second'],
  ])('takes %s', async (_, args, program) => {
    const { source, entrypoint, ...rest } = await bundled(args);
    expect([source, entrypointOf({ entrypoint, ...rest, source })]).toEqual(['nix', program]);
  });

  it('names the bundle as the derivation is named, not as its output', async () => {
    expect(await bundled(['-A', 'many'])).toMatchObject({ name: 'many', appVersion: '2.1' });
    expect(await bundled(['-A', 'lone'])).toMatchObject({ name: 'lone', appVersion: '' });
    expect(await bundled(['.#second'])).toMatchObject({ name: 'many-tools', appVersion: '2.1' });
  });

  it('takes the output that is asked for, and a derivation with ^', async () => {
    const missing = await bundle(['.#many^dev']);
    expect(missing.stderr).toMatch(
      /cannot bundle \/nix\/store\/\S+-many-tools-2.1-dev: it has no program in bin\n/,
    );
    const asked = ['--eval', '--json', '--read-write-mode', '--expr', '(import ./. { }).many.drvPath'];
    const drv = JSON.parse((await store().run('nix-instantiate', asked, { cwd: cwd() })).stdout) as string;
    expect(entrypointOf(await bundled([`${drv}^bin`, '--entrypoint', 'many']))).toBe(
      'many-tools-2.1-bin/bin/many',
    );
    expect(entrypointOf(await bundled([`${drv}^*`, '--entrypoint', 'second']))).toBe(
      'many-tools-2.1-bin/bin/second',
    );
    const plain = await bundle([drv]);
    expect(plain.stderr).toContain(
      `saddlebag: cannot bundle ${drv}: it says how to build an app and is none\n  hint: bundle what it builds: saddlebag bundle '${drv}^out'`,
    );
  });

  it('shows the lines of Nix while it works, and none with --quiet', async () => {
    await store().run('nix-store', ['--gc']);
    const shown = await bundle(['-A', 'many']);
    expect(shown.stderr).toContain(
      'closure  evaluating ./default.nix -A many\nclosure  building many-tools-2.1 (bin, dev, out)\n',
    );
    expect(shown.stderr).toContain('closure    building the tools\n');
    await store().run('nix-store', ['--gc']);
    const quiet = await bundle(['-A', 'many', '--quiet']);
    expect([quiet.exitCode, quiet.stderr]).toEqual([0, '']);
  });

  it('leaves no result link and no root behind', async () => {
    await bundled(['-A', 'many']);
    expect((await readdir(cwd())).sort()).toEqual(['broken.nix', 'default.nix', 'flake.nix', 'with space']);
    // Links to what is gone are no roots; the collector removes them.
    expect((await store().run('nix-store', ['--gc', '--print-roots'])).stdout).not.toContain('many-tools');
  });

  it('starts the program by whose name it is called', async () => {
    const { programs } = await bundled(['-A', 'many', '--all-programs', '--program', 'zweite=bin/second']);
    expect(programs.map(({ name }) => name)).toEqual(['zweite', 'many', 'second']);
    const call = async (name: string) => {
      await rm(join(suite(), name), { force: true });
      await symlink('bundle', join(suite(), name));
      const env = { SADDLEBAG_CACHE_DIR: join(suite(), 'cache'), PATH: process.env.PATH };
      return (await execProcess(join(suite(), name), ['-x'], { env })).stdout;
    };
    expect(await call('second')).toBe('second -x');
    expect(await call('zweite')).toBe('second -x');
    expect(await call('of-another-name')).toBe('first -x');
    expect((await bundled(['-A', 'many', '--program', 'second'])).programs).toHaveLength(1);
  });

  it.each([
    [
      ['-A', 'many', '--program', 'third'],
      /it has no program bin\/third\n {2}hint: in bin there are first, many, second/,
    ],
    [
      ['-A', 'many', '--program', 'first'],
      /cannot take --program first: the entrypoint has that name\n {2}hint: /,
    ],
    [
      ['-A', 'many', '--program', 'a/b'],
      /cannot take --program a\/b: the name that it is called by has no \//,
    ],
    [
      ['-A', 'many', '--program', 'x=../../bin/sh'],
      /cannot take --program x=\.\.\/\.\.\/bin\/sh: the path has to lie below/,
    ],
    [
      ['-A', 'pair'],
      /it has several programs\n {2}hint: choose one with --entrypoint: bin\/left, bin\/right/,
    ],
    [
      ['-A', 'nope'],
      /cannot bundle \.\/default\.nix -A nope: there is no attribute nope\n {2}hint: there are broken, lone, /,
    ],
    [['-A', 'nested.nope'], /there is no attribute nested\.nope\n {2}hint: there are deep/],
    [['-A', 'a..b'], /cannot read the attribute a\.\.b: /],
    [['-A', 'needs'], /it is a function that needs depth\n {2}hint: call it yourself: --expr/],
    [['-A', 'text'], /it is a int, not a derivation or an app\n/],
    [['-f', 'nowhere.nix', '-A', 'many'], /cannot build nowhere\.nix: no such file or directory\n {2}hint: /],
    [
      ['.#many^nope'],
      /cannot bundle \.#many\^nope: there is no output nope\n {2}hint: there are out, bin, dev/,
    ],
    [
      ['.#'],
      /the flake has no default app or package for this system\n {2}hint: choose one: \.#broken, \.#lone, \.#many, \.#outside, \.#second, \.#throws/,
    ],
    [['nix:.'], /the flake has no default app or package for this system\n/],
    [
      ['.'],
      /it is a directory\n {2}hint: name the program inside it with --entrypoint; what its flake.nix builds is nix:/,
    ],
    [['.#nope'], /the flake has no app or package nope for this system\n {2}hint: choose one: \.#broken/],
    [['.#outside'], /its program \/bin\/true is not in the Nix store\n {2}hint: /],
    [['.#many', '-A', 'many'], /cannot take \.#many and --attr at once/],
    [['.#many', '--python'], /cannot read \.#many as a project: Nix builds it/],
    [['.#many', '--store-paths', 'x'], /cannot take --store-paths for \.#many/],
    [[], /cannot bundle nothing: no app was given\n {2}hint: /],
  ])('refuses %j and says what would do', async (args, message) => {
    const result = await bundle(args);
    expect(result.stderr).toMatch(message);
    expect([result.exitCode === 0, result.stdout]).toEqual([false, '']);
  });

  it.each([
    [
      ['-A', 'throws'],
      /cannot evaluate \.\/default\.nix -A throws: nix-instantiate: error: not on this planet\n {2}hint: /,
    ],
    [
      ['.#throws'],
      /cannot evaluate \.#throws: nix: error: not on this planet\n {2}hint: where it comes from: nix eval --show-trace \.#throws/,
    ],
    [
      ['-f', 'broken.nix'],
      /cannot evaluate broken\.nix: nix-instantiate: error: syntax error, unexpected end of file/,
    ],
    [['./nowhere#app'], /cannot evaluate \.\/nowhere#app: nix: error: /],
  ])("shows Nix's own error of %j", async (args, message) => {
    const result = await bundle([...args, '--quiet']);
    expect(result.stderr).toMatch(message);
    expect([result.exitCode, result.stdout]).toEqual([1, '']);
  });

  it('shows the end of the log where a build fails', async () => {
    const result = await bundle(['.#broken', '--quiet']);
    expect(result.stderr).toMatch(
      /^saddlebag: cannot build \.#broken: nix-store: .*\n {2}this is why\n {2}error: builder for .* failed with exit code 3\n {2}hint: /ms,
    );
    expect(result.exitCode).toBe(1);
  });

  it('lists what a file has where no attribute is given', async () => {
    await writeFile(
      join(suite(), 'several.nix'),
      'let all = import ./project { }; in { inherit (all) many lone text throws; }',
    );
    const result = await bundle(['../several.nix']);
    expect(result.stderr).toContain(
      'saddlebag: cannot bundle ../several.nix: it is a set of several that can be built\n  hint: choose one: -A lone, -A many',
    );
    expect(result.exitCode).toBe(2);
  });

  it('says that a path was garbage collected', async () => {
    const { entrypoint } = await bundled(['-A', 'lone']);
    const top = entrypoint.program.split('/').slice(0, 4).join('/');
    await symlink(top, join(suite(), 'result'));
    await store().run('nix-store', ['--gc']);
    for (const app of [top, '../result']) {
      const result = await bundle([app]);
      expect(result.stderr).toMatch(
        /cannot bundle \S+: nix-store: .*\n {2}hint: it was garbage collected, or never here: build it again/s,
      );
      expect(result.exitCode).toBe(1);
    }
  });

  it('says which program of Nix is missing, or too old for flakes', async () => {
    const bin = join(suite(), 'bin');
    await writeTree(bin, {
      nix: '#!/bin/sh\n[ "$1" = --version ] && echo "nix (Nix) 2.3.16" && exit\necho "error: unrecognised flag" >&2; exit 1\n',
    });
    await chmod(join(bin, 'nix'), 0o755);
    for (const name of ['nix-instantiate', 'nix-store']) await symlink(findTool(name) ?? '', join(bin, name));
    const old = await bundle(['.#many'], { PATH: `${bin}:/bin:/usr/sbin` });
    expect(old.stderr).toContain(
      'saddlebag: cannot evaluate a flake: this Nix is 2.3.16, flakes came with 2.4\n  hint: ',
    );
    await rm(join(bin, 'nix-instantiate'));
    const none = await execProcess(
      process.execPath,
      [join(import.meta.dirname, '../../../dist/src/cli.js'), 'bundle', '-A', 'many'],
      {
        cwd: cwd(),
        env: { PATH: bin },
      },
    );
    expect(none.stderr).toContain(
      'saddlebag: cannot evaluate ./default.nix -A many: nix-instantiate is not on PATH\n  hint: install Nix',
    );
  });

  it('works where experimental features are off', async () => {
    const env = { NIX_CONFIG: 'substitute = false\nsandbox = false\nexperimental-features =\n' };
    const result = await bundle(['.#many'], env);
    expect(result.exitCode, result.stderr).toBe(0);
  });

  it('keeps what it bundles from the garbage collector, which runs after each step', async () => {
    const bin = join(suite(), 'collecting');
    const real = findTool('nix-store') ?? '';
    // The first evaluation loses its derivation too.
    const first = `[ "$0" != "\${0%instantiate}" ] && [ -e "${suite()}/lost" ] && exit 0; : > "${suite()}/lost"`;
    const wrap = (tool: string) =>
      `#!/bin/sh\n${tool} "$@" || exit\n${first}\n${real} --gc >> "${suite()}/collected" 2>&1\n`;
    await writeTree(bin, {
      'nix-store': { executable: wrap(real) },
      'nix-instantiate': { executable: wrap(findTool('nix-instantiate') ?? '') },
    });
    const result = await bundle(['-A', 'many'], { PATH: `${bin}:${process.env.PATH}` });
    expect(result.exitCode, result.stderr).toBe(0);
    expect(result.stderr.match(/evaluating/g)).toHaveLength(1);
    expect(await readFile(join(suite(), 'collected'), 'utf8')).toMatch(/-many-tools-2\.1\.drv'?\n/);
    expect((await store().run('nix-store', ['--gc'])).stderr).toContain('-many-tools-2.1-bin');
  });
});
