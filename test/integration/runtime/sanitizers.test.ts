import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { makeBundle } from './bundles.ts';
import { compileRuntimeTest } from './sanitized.ts';

describeWith(['gcc'], 'under the address and undefined behaviour sanitizers', () => {
  it('the parts of the runtime do what they say', async () => {
    const program = await compileRuntimeTest('units');
    const directory = await temporaryDirectory();
    const result = await execProcess(program, [directory]);
    expect(result).toMatchObject({ exitCode: 0, stdout: '0 failed', stderr: '' });
    expect((await readdir(directory)).sort()).toEqual(['three', 'two']);
  });

  it('contents that are rewritten in pieces are what they are when rewritten as a whole', async () => {
    const program = await compileRuntimeTest('relocation');
    const result = await execProcess(program, [await temporaryDirectory(), '5000']);
    expect(result, result.stdout).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toMatch(/^\d{4,} matches, 0 differed$/);
  });

  it('ten thousand bundles with wrong numbers are refused or sound', async () => {
    const members = {
      'lib/a': 'a'.repeat(50_000),
      'lib/b': { link: 'a' },
      'lib/c': 'a'.repeat(50_000),
      'd/': '',
    };
    const bundle = await makeBundle('', { members, frameBytes: 1 << 13, args: ['x'], env: { A: 'b' } });
    const program = await compileRuntimeTest('mutations', 'sample');
    const result = await execProcess(program, [bundle.file, '10000']);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toMatch(/^[1-9]\d{3} refused, [1-9]\d* accepted$/);
  });
});
