import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ClosureRequest, readClosure } from '../../../bundler/closure/closure.ts';
import type { Closure } from '../../../src/core/types.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const env = { PATH: process.env.PATH };

async function read(
  app: string,
  trace: readonly string[],
  more: Partial<ClosureRequest> = {},
): Promise<Closure> {
  const request = { app, args: [], env: {}, trace, ...more };
  return readClosure(request, await temporaryDirectory(), testContext({ env }));
}

function filesOf({ paths }: Closure): string[] {
  return paths.flatMap(({ files }) => Object.values(files));
}

describeWith(['strace', 'bash', 'jq', 'cat', 'iconv'], 'a traced run', () => {
  it('brings programs that the app starts, and leaves those that the command alone starts', async () => {
    const bash = findTool('bash') ?? '';
    const closure = await read(bash, ['sh', '-c', `cat /dev/null; '${bash}' -c 'jq -n 1; exit 0'`]);
    const programs = closure.paths.map(({ storePath }) => storePath.replace(/.*?-/, ''));
    expect(programs).toContain('jq');
    expect(programs).not.toContain('cat');
    expect(closure.entrypoint.env.find(({ name }) => name === 'PATH')?.value).toMatch(/-jq\/bin$/);
  });

  it('brings data for its own path, by the directory of its package', async () => {
    const closure = await read(findTool('cat') ?? '', [
      'cat',
      '/usr/share/perl5/Debconf/Log.pm',
      '/etc/passwd',
    ]);
    expect(filesOf(closure)).toContain('/usr/share/perl5/Debconf/Log.pm');
    expect(filesOf(closure)).not.toContain('/etc/passwd');
    expect(closure.binds).toEqual([
      {
        source: expect.stringMatching(/-cat\/share\/perl5$/),
        target: '/usr/share/perl5',
        policy: 'where-absent',
      },
    ]);
  });

  it('brings what glibc opens to convert text', async () => {
    const closure = await read(findTool('iconv') ?? '', [
      'iconv',
      '-f',
      'UTF-16',
      '-t',
      'KOI8-R',
      '/dev/null',
    ]);
    expect(filesOf(closure).filter((file) => file.includes('/gconv/'))).not.toEqual([]);
    // One bind for the directory, none for each module in it.
    expect(closure.binds.filter(({ target }) => target.includes('/gconv'))).toMatchObject([
      { target: expect.stringMatching(/\/gconv$/) },
    ]);
  });

  it('says what a failing command said', async () => {
    const script = join(await temporaryDirectory(), 'fail');
    await writeFile(script, '#!/bin/sh\necho no luck >&2\nexit 3\n', { mode: 0o755 });
    await expect(read(findTool('jq') ?? '', [script])).rejects.toMatchObject({
      code: 'trace-failed',
      message: 'cannot trace fail: it ended with exit code 3\nno luck',
    });
  });

  it.each(['no-such-program', '/no/such/program', '/usr'])('says that %s is no program', async (program) => {
    await expect(read(findTool('jq') ?? '', [program])).rejects.toMatchObject({
      code: 'trace-failed',
      message: `cannot trace ${program}: there is no such program`,
    });
  });

  it('says how to trace what runs until it is stopped', async () => {
    await expect(read(findTool('jq') ?? '', ['timeout', '0.1', 'sleep', '9'])).rejects.toMatchObject({
      message: 'cannot trace timeout: it ended with exit code 124',
      hint: expect.stringContaining("--trace -- sh -c 'timeout 5 app; true'"),
    });
  });

  it('needs strace', async () => {
    const request = { app: findTool('jq') ?? '', args: [], env: {}, trace: ['true'] };
    const context = testContext({ env: { PATH: '/nonexistent' } });
    await expect(readClosure(request, await temporaryDirectory(), context)).rejects.toMatchObject({
      code: 'trace-unavailable',
    });
  });
});
