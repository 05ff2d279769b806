import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../helpers/needs.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { bundleOnTwoMachines, machineTools, type Recipe } from '../helpers/two-machines.ts';
import { offlineBackend, writeWheel } from '../helpers/wheels.ts';
import { type ProgramCase, programCases } from './programs/table.ts';

async function expectSame(recipe: Recipe): Promise<void> {
  const [first, second] = await bundleOnTwoMachines(recipe);
  const what = recipe.args.join(' ');
  expect([second.sha256, second.closureSha256], what).toEqual([first.sha256, first.closureSha256]);
}

async function expectSamePrograms({ programs, prepare }: ProgramCase): Promise<void> {
  const shared = await temporaryDirectory();
  await prepare?.(shared);
  for (const { file, args = [] } of Object.values(programs)) {
    await expectSame({ args: [file, ...args].map((word) => word.replaceAll('{shared}', shared)) });
  }
}

describeWith(machineTools, 'two machines make the same bundle', () => {
  for (const one of programCases) {
    describeWith(one.tools, `of ${one.name} (Debian: ${one.packages})`, () => {
      it('byte for byte', () => expectSamePrograms(one));
    });
  }

  describeWith(['python3', 'pip'], 'with pip', () => {
    it('of a Python project', async () => {
      const wheel = {
        name: 'greet',
        version: '1.0',
        files: {},
        requires: ['words'],
        commands: { greet: 'greet:main' },
      };
      await expectSame({
        args: ['app'],
        members: {
          'app/pyproject.toml': `[project]\nname = "greet"\nversion = "1.0"\n
[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n`,
          'app/backend.py': offlineBackend,
          'app/wheel.json': JSON.stringify(wheel),
          'app/package/greet/__init__.py': 'def main():\n    print("moin")\n',
          'app/requirements.txt': 'words==2.1\n',
          'wheels/': '',
        },
        prepare: async (directory) => {
          const files = { 'words.py': 'def word():\n    return "moin"\n', 'words_again/__init__.py': '' };
          await writeWheel(join(directory, 'wheels'), { name: 'words', version: '2.1', files });
        },
        // Debian's own: another may be root's alone.
        env: (directory) => ({
          PATH: '/usr/bin:/bin',
          PIP_NO_INDEX: '1',
          PIP_FIND_LINKS: join(directory, 'wheels'),
        }),
      });
    });
  });
});
