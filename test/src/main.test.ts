import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';

/** Runs the command in a process that is not one, and returns what it said and how it ended. */
async function run(...args: string[]) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof said) => ({
    on: () => undefined,
    write: (text: string) => {
      said[name] += text;
      return true;
    },
  });
  const host = {
    argv: ['node', 'saddlebag', ...args],
    env: {},
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
});
