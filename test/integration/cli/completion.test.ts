import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { builtCli, saddlebag } from '../../helpers/cli.ts';

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

  it('completes in bash as its user would load it', async () => {
    const script = `
      saddlebag() { "$NODE" "$CLI" "$@"; }
      # Of the bash-completion package, which a machine of CI lacks.
      _get_comp_words_by_ref() { cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD; }
      source <(saddlebag completion bash)
      COMP_WORDS=(saddlebag inspect --qu) COMP_CWORD=2 COMP_LINE='saddlebag inspect --qu' COMP_POINT=22
      __saddlebag_complete; echo "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await execProcess('bash', ['-c', script], {
      env: { PATH: process.env.PATH, NODE: process.execPath, CLI: builtCli },
    });
    expect([stdout.trim(), stderr]).toEqual(['--quiet', '']);
  });
});
