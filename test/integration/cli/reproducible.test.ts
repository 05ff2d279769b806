import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Member } from '../../helpers/closures.ts';
import { layoutOf } from '../../helpers/images.ts';
import { describeWith } from '../../helpers/needs.ts';
import { bundleOnTwoMachines, machineTools, type Recipe } from '../../helpers/two-machines.ts';

/** Enough names for an order of the disk that is not theirs; two files that are equal, a link, and a mode. */
const tree: Readonly<Record<string, Member>> = {
  ...Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`web/lib/${index % 7}/module-${index}.py`, `# ${index}\n`]),
  ),
  'web/bin/app': { executable: '#!/bin/sh\necho "$0"\n' },
  'web/bin/alias': { link: 'app' },
  'web/share/data': Buffer.alloc(3_000_000, 'some text '),
  'web/share/same': Buffer.alloc(3_000_000, 'some text '),
};

// A Python project, and programs: test/e2e/reproducible.full.test.ts. Nix: test/e2e/flask.test.ts.
async function expectSame(recipe: Recipe): Promise<void> {
  const [first, second] = await bundleOnTwoMachines(recipe);
  expect([second.sha256, second.closureSha256]).toEqual([first.sha256, first.closureSha256]);
}

describeWith(machineTools, 'two machines make the same bundle', () => {
  it('of a directory, less what is excluded', async () => {
    const args = ['web', '--entrypoint', 'bin/app', '--exclude', 'lib/3/**', '--include', 'cat'];
    await expectSame({ args, members: tree });
  });

  it('of a program, with data of every kind', async () => {
    await expectSame({
      args: ['program:cat', '--with', 'ca-certificates,locales,services,tzdata,nss,terminfo'],
    });
  });

  it('of an image', async () => {
    const layers = [
      {
        'etc/': '',
        'etc/passwd': 'web:x:7:7::/:/bin/app\n',
        'bin/': '',
        'bin/app': '#!/bin/sh\n',
        'bin/b': '',
      },
      { 'bin/.wh.b': '', 'srv/': '', 'srv/text': 'hello' },
    ];
    const files = await layoutOf({ layers, config: { Cmd: ['/bin/app'], User: 'web' } });
    const members = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`web/${name}`, bytes]));
    await expectSame({ args: ['web', '--allow', 'interpreter-missing'], members });
  });

  describeWith(['strace'], 'after a traced run', () => {
    it('of a program and what it opened', async () => {
      // A run in another language opens other files, and those are what it brings.
      const traced = ['env', 'LC_ALL=C', 'sh', '-c', 'ls /; cat /etc/services'];
      await expectSame({ args: ['program:sh', '--trace', '--', ...traced] });
    });
  });

  describeWith(['node', 'npm'], 'with npm', () => {
    it('of a Node project', async () => {
      const env = (directory: string) => ({
        npm_config_offline: 'true',
        npm_config_cache: join(directory, 'npm'),
      });
      await expectSame({
        args: ['app'],
        members: {
          'words/package.json': JSON.stringify({ name: 'words', version: '2.1.0', main: 'words.js' }),
          'words/words.js': 'exports.word = () => "moin";',
          'app/package.json': JSON.stringify({
            ...{ name: 'greet', version: '1.0.0', bin: './greet.js' },
            dependencies: { words: 'file:words-2.1.0.tgz' },
          }),
          'app/greet.js': '#!/usr/bin/env node\nconsole.log(require("words").word());\n',
        },
        prepare: async (directory) => {
          const options = { env: { PATH: process.env.PATH, HOME: directory, ...env(directory) } };
          const [app, words] = [join(directory, 'app'), join(directory, 'words')];
          await execProcess('npm', ['pack', '--pack-destination', app], { ...options, cwd: words });
          await execProcess('npm', ['install', '--package-lock-only'], { ...options, cwd: app });
        },
        env,
      });
    });
  });
});
