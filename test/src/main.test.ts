import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';

/** Runs the command in a process that is not one, and returns what it said and how it ended. */
async function run(...args: string[]) {
  return runIn({ env: {}, isTTY: false }, ...args);
}

/** The same with an environment, on a terminal or none. */
async function runIn(
  { env, isTTY }: { readonly env: Readonly<Record<string, string>>; readonly isTTY: boolean },
  ...args: string[]
) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof said) => ({
    on: () => undefined,
    isTTY,
    write: (text: string) => {
      said[name] += text;
      return true;
    },
  });
  const host = {
    argv: ['node', 'saddlebag', ...args],
    env,
    cwd: () => '/',
    on: () => undefined,
    exit: () => undefined,
    stdin: Readable.from([]),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    exitCode: undefined as number | undefined,
  };
  await main(host as unknown as NodeJS.Process);
  return { ...said, exitCode: host.exitCode };
}

describe('main', () => {
  it.each([
    [['deploy', 'a.json', '-var', 'a=b'], "unknown option '-var'", 'did you mean --var?'],
    [['deploy', 'a.json', '-var-file=b'], "unknown option '-var-file=b'", 'did you mean --var-file?'],
    [['logs', '-tail', 'web'], "unknown option '-tail'", 'see saddlebag logs --help'],
    [['logs', '--stdrr', 'web'], "unknown option '--stdrr'", 'did you mean --stderr?'],
    [
      ['rollback', 'web', 'x'],
      'cannot take "x" for version: expected the number of a version',
      'see saddlebag rollback --help',
    ],
    [
      ['prune', 'web', '--keep', '0'],
      'cannot take "0" for --keep <n>: expected a whole number from 1',
      'see saddlebag prune --help',
    ],
    [
      ['completion', 'fisch'],
      'cannot take "fisch" for shell: expected one of zsh, bash, fish, powershell',
      'see saddlebag completion --help',
    ],
    [['publish'], "missing required argument 'bundle'", 'see saddlebag publish --help'],
    [['job', 'run'], "unknown command 'run'", 'see saddlebag job --help'],
  ])('tells what is wrong with %j, and what to do', async (args, message, hint) => {
    expect(await run(...args)).toEqual({
      stdout: '',
      stderr: `saddlebag: ${message}\n  hint: ${hint}\n`,
      exitCode: 2,
    });
  });

  it('fails with one error of JSON when the arguments are wrong, and with --json', async () => {
    const { stdout, stderr, exitCode } = await run('bundle', 'app', '--json', '--bogus');
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'usage-invalid',
        message: "cannot read the arguments: unknown option '--bogus'",
        hint: 'see saddlebag --help',
        exitCode: 2,
      },
    });
  });

  it('fails with one error of JSON when a command fails, and with --json', async () => {
    const { stdout, stderr, exitCode } = await run('inspect', '/nonexistent/app', '--json');
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: 'bundle-unreadable',
        message: 'cannot read /nonexistent/app: no such file or directory',
      },
    });
  });

  it('tells people what went wrong and what to do', async () => {
    expect(await run('inspect', '/nonexistent/app')).toEqual({
      stdout: '',
      stderr:
        'saddlebag: cannot read /nonexistent/app: no such file or directory\n' +
        '  hint: give the path of a bundle, as `saddlebag bundle` printed it\n',
      exitCode: 1,
    });
  });

  it('lets names from outside do nothing to a terminal, and leaves a document as it is elsewhere', async () => {
    const env = { SADDLEBAG_BUILD_CACHE: '/nonexistent/\u001b[2J\u009bK\u202e', TERM: 'dumb' };
    const said = '0 B of at most 5.0 GB in /nonexistent/';
    expect((await runIn({ env, isTTY: true }, 'cache')).stdout).toBe(`${said}\\x1b[2J\\x9bK\\u202e\n`);
    expect((await runIn({ env, isTTY: false }, 'cache')).stdout).toBe(`${said}\u001b[2J\u009bK\u202e\n`);
    const { stdout } = await runIn({ env, isTTY: true }, 'cache', '--json');
    expect(stdout).toMatch(/^[ -~\n]*$/);
    expect(JSON.parse(stdout)).toMatchObject({ directory: env.SADDLEBAG_BUILD_CACHE });
  });

  it('lets names from outside give no command to the runner of GitHub Actions', async () => {
    const env = { GITHUB_ACTIONS: 'true' };
    const names = '/a\n ::add-mask::b\n##[add-path]c';
    for (const flags of [[], ['--json']]) {
      const { stderr } = await runIn({ env, isTTY: false }, 'inspect', names, ...flags);
      const commands = stderr.split('\n').filter((line) => /^\s*::|##\[/.test(line));
      expect(commands).toEqual([expect.stringMatching(/^::error title=bundle-unreadable::/)]);
    }
  });
});
