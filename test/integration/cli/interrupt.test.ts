import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { startChild } from '../../helpers/children.ts';
import { builtCli } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { serveInTest } from '../../helpers/test-server.ts';

/** Runs the command against a server that never answers, and sends SIGINT once the server was asked. */
async function interruptWhenAsked(args: (address: string) => readonly string[], cwd?: string) {
  const server = createServer();
  const address = `http://127.0.0.1:${await serveInTest(server)}`;
  const child = startChild(process.execPath, [builtCli, ...args(address)], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NOMAD_ADDR: address,
      AWS_ENDPOINT_URL_S3: address,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_REGION: 'us-east-1',
    },
  });
  const said = child.stderr === null ? '' : text(child.stderr);
  await once(server, 'connection');
  child.kill('SIGINT');
  const [exitCode] = await once(child, 'close');
  return { exitCode, said: await said };
}

const checksum = `checksum=sha256:${'a'.repeat(64)}`;

describe('a command that Ctrl-C ends while a server is silent', () => {
  it.each<[string, (address: string) => readonly string[]]>([
    ['releases', (address) => ['releases', 'web', '--from', address]],
    ['releases', (address) => ['releases', 'web', '--from', 's3://bundles', '--endpoint', address]],
    ['verify', (address) => ['verify', `${address}/a?archive=false&${checksum}`]],
    ['status', () => ['status']],
    ['history', () => ['history', 'web']],
    ['logs', () => ['logs', '-f', 'web']],
    ['deploy', (address) => ['deploy', 'web', '--from', address]],
  ])('tells so: %s', async (name, args) => {
    expect(await interruptWhenAsked(args)).toEqual({
      exitCode: 130,
      said:
        `saddlebag: interrupted while running saddlebag ${name}: it has not come to its end\n` +
        '  hint: run the same command again\n',
    });
  });

  it('tells that a rollback has changed nothing yet', async () => {
    expect(await interruptWhenAsked(() => ['rollback', 'web'])).toMatchObject({
      exitCode: 130,
      said: expect.stringMatching(
        /interrupted while rolling back web: nothing was changed\n {2}hint: run the same command again\n$/,
      ),
    });
  });
});

it('says which app of several Ctrl-C ended', async () => {
  const cwd = await temporaryDirectory();
  const app = (name: string) =>
    `app "${name}" {\n  bundle {\n    source = "./tree"\n    entrypoint = "bin/web"\n  }\n}\n`;
  await writeTree(cwd, {
    'saddlebag.hcl': `store "main" { to = "s3://bundles" }\n${app('web')}${app('worker')}`,
    'tree/bin/web': { executable: '#!/bin/sh\nexit 0\n' },
  });
  const { exitCode, said } = await interruptWhenAsked(() => ['up', '--json'], cwd);
  expect(exitCode).toBe(130);
  expect(JSON.parse(said.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    error: {
      code: 'interrupted',
      message: 'interrupted while bringing up web: it has not come to its end',
    },
  });
});

it('ends while an artifact is awaited on stdin', async () => {
  const child = startChild(process.execPath, [builtCli, 'verify', '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  const said = child.stderr === null ? '' : text(child.stderr);
  // More than what lies between two processes: it is written once somebody reads.
  await new Promise((done) => child.stdin?.write(' '.repeat(1 << 20), done));
  child.kill('SIGINT');
  const [exitCode] = await once(child, 'close');
  expect(exitCode).toBe(130);
  expect(await said).toContain('interrupted while running saddlebag verify');
});
