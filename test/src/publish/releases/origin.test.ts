import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Exec } from '../../../../src/core/exec.ts';
import { readOrigin } from '../../../../src/publish/releases/origin.ts';
import { testContext } from '../../../helpers/context.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';

const commit = 'ab'.repeat(20);

/** Answers for git, and counts how often it was asked. */
function gitThatSays(stdout: string, exitCode = 0) {
  const asked: string[] = [];
  const exec: Exec = async (file) => {
    asked.push(file);
    return { exitCode, stdout, stderr: '', failure: undefined };
  };
  return { asked, exec };
}

describe('readOrigin', () => {
  it.each([
    [`${commit}\n`, 0, commit],
    [`${commit}-dirty\n`, 0, `${commit}-dirty`],
    ['fatal: not a git repository\n', 128, null],
    ['v1.0\n', 0, null],
  ])('takes of git, which says %j and ends with %i: %s', async (said, exitCode, revision) => {
    const top = await temporaryDirectory();
    await mkdir(join(top, '.git'));
    await mkdir(join(top, 'src/app'), { recursive: true });
    const { exec } = gitThatSays(said, exitCode);
    const origin = await readOrigin(testContext({ cwd: join(top, 'src/app'), exec }));
    expect(origin).toEqual({ publishedBy: null, revision });
  });

  it('does not ask git outside a work tree, unless it is told where one is', async () => {
    const cwd = await temporaryDirectory();
    const { asked, exec } = gitThatSays(`${commit}\n`);
    expect((await readOrigin(testContext({ cwd, exec }))).revision).toBeNull();
    expect(asked).toEqual([]);
    const env = { GIT_DIR: '/srv/web.git' };
    expect((await readOrigin(testContext({ cwd, exec, env }))).revision).toBe(commit);
  });

  it('believes a CI service first, and names who runs it', async () => {
    const { asked, exec } = gitThatSays(`${commit}\n`);
    const env = { GITHUB_SHA: 'cafe', GITHUB_ACTOR: 'robin', USER: 'runner' };
    const origin = await readOrigin(testContext({ exec, env }));
    expect(origin).toEqual({ publishedBy: 'robin', revision: 'cafe' });
    expect(asked).toEqual([]);
  });
});
