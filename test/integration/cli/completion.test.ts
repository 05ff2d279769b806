import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { builtCli, saddlebag } from '../../helpers/cli.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describe('saddlebag completion', () => {
  it('completes flags and their values, and leaves file names to the shell', async () => {
    const ask = async (...words: string[]) =>
      (await saddlebag(['complete', '--', ...words])).stdout.split('\n');
    expect(await ask('deploy', '--min')).toEqual([
      '--min-healthy-time\thow long one must be healthy to count (default: 500ms with --check-path, else 5s)',
      ':0',
    ]);
    expect(await ask('bundle', '--compress', '')).toEqual(['fast\t', 'balanced\t', 'small\t', ':0']);
    expect(await ask('bundle', './res')).toEqual([':0']);
  });

  it.each([
    ['saddlebag inspect --qu', ['saddlebag', 'inspect', '--qu'], '--quiet'],
    ['saddlebag bundle --compress=ba', ['saddlebag', 'bundle', '--compress', '=', 'ba'], 'balanced'],
    ['saddlebag bundle --compress ', ['saddlebag', 'bundle', '--compress', ''], 'fast balanced small'],
    [
      'saddlebag bundle $(touch typed) --outp',
      ['saddlebag', 'bundle', '$(touch typed)', '--outp'],
      '--output',
    ],
  ])('completes %j in bash, alone and loaded twice', async (line, words, expected) => {
    const cwd = await temporaryDirectory();
    const script = `
      saddlebag() { "$NODE" "$CLI" "$@"; }
      source <(saddlebag completion bash)
      source <(saddlebag completion bash)
      COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=("\${@:2}") COMP_CWORD=$(($# - 2))
      __saddlebag_complete
      echo "\${COMPREPLY[@]}"
      complete -p saddlebag`;
    const { stdout, stderr } = await execProcess('bash', ['-c', script, 'bash', line, ...words], {
      cwd,
      env: { PATH: process.env.PATH, NODE: process.execPath, CLI: builtCli },
    });
    // File names are the shell's, where we know nothing.
    const registered = 'complete -o bashdefault -o default -F __saddlebag_complete saddlebag';
    expect([stdout, stderr]).toEqual([`${expected}\n${registered}`, '']);
    expect(await readdir(cwd)).toEqual([]);
  });
});
