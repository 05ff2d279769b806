import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runPublish } from '../../../src/commands/publish/publish.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../publish/failure.ts';

async function publishFile(content: string, flags: object = {}) {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, 'input'), content);
  const input = { bundle: 'input', flags: { to: 'store', ...flags } };
  const failure = await failureOf(runPublish(input, testContext({ cwd })));
  return { failure, cwd, left: await readdir(cwd) };
}

describe('runPublish with bad input', () => {
  it('refuses a file that is no bundle, and writes nothing', async () => {
    const { failure, left } = await publishFile('#!/bin/sh\n');
    expect(failure.code).toBe('not-a-bundle');
    expect(left).toEqual(['input']);
  });

  it('names a bundle that is not there', async () => {
    const cwd = await temporaryDirectory();
    const input = { bundle: 'nothing', flags: { to: 'store' } };
    const failure = await failureOf(runPublish(input, testContext({ cwd })));
    expect(failure.code).toBe('bundle-unreadable');
    expect(failure.message).toBe(`cannot read ${join(cwd, 'nothing')}: no such file or directory`);
  });

  it('names a directory that stands for a bundle', async () => {
    const cwd = await temporaryDirectory();
    const failure = await failureOf(
      runPublish({ bundle: '.', flags: { to: 'store' } }, testContext({ cwd })),
    );
    expect(failure.code).toBe('bundle-unreadable');
    expect(failure.message).toBe(`cannot read ${cwd}: it is a directory`);
    expect(failure.hint).toBe(`bundle it first: saddlebag bundle ${cwd}`);
  });

  it.each([
    ['{"version":', 'it is neither a bundle nor JSON'],
    ['{"version":1,"file":"a","sha256":"b"}', 'it does not describe a bundle of version 2'],
    ['{"version":2,"url":"a"}', 'it does not describe a bundle of version 2'],
  ])('refuses the JSON %s', async (text, reason) => {
    const { failure, cwd } = await publishFile(text);
    expect(failure.code).toBe('bundle-json-invalid');
    expect(failure.message).toBe(`cannot read ${join(cwd, 'input')}: ${reason}`);
  });

  it('names the bundle that a JSON describes but that is gone', async () => {
    const { failure } = await publishFile('{"version":2,"file":"/nowhere/web","sha256":"ab"}');
    expect(failure.message).toBe('cannot read /nowhere/web: no such file or directory');
  });

  it('refuses flags of object storage for a folder', async () => {
    const { failure } = await publishFile('', { endpoint: 'http://127.0.0.1:9000', region: 'eu-west-1' });
    expect(failure.code).toBe('flag-unused');
    expect(failure.exitCode).toBe(2);
    expect(failure.message).toBe('cannot use --endpoint, --region: --to store is a folder');
  });

  it('refuses a download URL with credentials before it reads anything', async () => {
    const { failure } = await publishFile('', { downloadUrl: 'https://me:geheim@cdn.example' });
    expect(failure.message).toBe('cannot use the URL of --download-url: it holds credentials');
  });

  it('says that it was interrupted, and how to go on', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, 'input'), 'no bundle');
    const context = testContext({ cwd, signal: AbortSignal.abort() });
    const failure = await failureOf(runPublish({ bundle: 'input', flags: { to: 'store' } }, context));
    expect(failure.code).toBe('interrupted');
    expect(failure.exitCode).toBe(130);
    expect(failure.message).toBe('interrupted while publishing input: nothing half-sent was left behind');
    expect(failure.hint).toContain('run the same command again');
  });
});
