import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noCache } from '../../../bundler/cache/record-cache.ts';
import { checkCompleteness, parseAllow } from '../../../bundler/completeness/completeness.ts';
import { readFacts } from '../../../bundler/completeness/facts.ts';
import type { ReportEvent } from '../../../src/core/reporter.ts';
import { closureOf, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { writeElf } from '../closure/elf/build-elf.ts';

const { signal } = new AbortController();
const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA\n';

async function closureWith(members: Parameters<typeof writeTree>[1]) {
  const directory = join(await temporaryDirectory(), 'app');
  await writeTree(directory, { 'bin/app': { executable: '#!/bin/sh\n' }, ...members });
  return closureOf([{ name: 'app', letter: 'a', directory }], 'bin/app');
}

async function factsOf(members: Parameters<typeof writeTree>[1]) {
  const { paths } = await closureWith(members);
  const [path] = paths;
  if (path === undefined) throw new Error('no path');
  return readFacts(path, signal);
}

const known = { cache: noCache, survey: { settledBeforeMs: 0, paths: new Map() }, toolVersion: '1' };

describe('readFacts', () => {
  it('reads programs, scripts and absolute links', async () => {
    const facts = await factsOf({
      'bin/tool': { executable: '#!/usr/bin/env -S perl -w\n' },
      'share/no-script': '#!/bin/sh\n',
      'share/text': 'text',
      away: { link: '/etc/hosts' },
      here: { link: 'share/text' },
    });
    expect(facts).toMatchObject({
      elfs: [],
      links: [{ path: 'away', target: '/etc/hosts' }],
      scripts: [
        { path: 'bin/app', interpreter: '/bin/sh', command: null },
        { path: 'bin/tool', interpreter: '/usr/bin/env', command: 'perl' },
      ],
      secrets: [],
    });
    const own = closureOf([{ name: 'bin', letter: 'a', directory: '/bin/sh' }], '').paths[0];
    if (own === undefined) throw new Error('no path');
    expect(
      (await readFacts({ ...own, directory: null, files: { 'bin/node': process.execPath } }, signal)).elfs,
    ).toMatchObject([{ path: 'bin/node', needed: expect.arrayContaining(['libc.so.6']) }]);
  });

  it('notices keys and credentials, and leaves samples and tests alone', async () => {
    const facts = await factsOf({
      '.env': 'A=b',
      '.env.production': 'A=b',
      '.env.example': 'A=',
      '.npmrc': '//registry/:_authToken=abc',
      'etc/.npmrc': `//registry/:_authToken=$\{TOKEN}`,
      'etc/server.key': key,
      'etc/server.crt': '-----BEGIN CERTIFICATE-----\n',
      'lib/tests/server.key': key,
      'home/.ssh/id_ed25519': key,
      'share/large.pem': key.padEnd(300_000),
    });
    expect(facts.secrets).toEqual([
      '.env',
      '.env.production',
      '.npmrc',
      'etc/server.key',
      'home/.ssh/id_ed25519',
    ]);
  });
});

describe('checkCompleteness', () => {
  it('reports what is not fatal, once for a problem, and is told what to pass over', async () => {
    const closure = await closureWith({
      'a.key': key,
      one: { executable: '#!/opt/perl\n' },
      two: { executable: '#!/opt/perl\n' },
      three: { executable: '#!/opt/perl\n' },
    });
    const events: ReportEvent[] = [];
    const context = testContext({ reporter: { report: (event) => events.push(event) } });
    await checkCompleteness(closure, { allow: parseAllow(['secret-included']), known }, context);
    const top = closure.paths[0]?.storePath;
    expect(events).toMatchObject([
      {
        code: 'interpreter-missing',
        message: `run by /bin/sh of the host (${top}/bin/app); run by /opt/perl of the host (${top}/one, ${top}/three and 1 more)`,
        hint: expect.stringContaining('--allow interpreter-missing'),
      },
    ]);
  });

  it('refuses a program whose library is missing, unless it is allowed', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'bin'));
    const own = closureOf([{ name: 'app', letter: 'a', directory }], 'bin/node', { ownLoader: true });
    const closure = {
      ...own,
      paths: own.paths.map((path) => ({ ...path, files: { 'bin/node': process.execPath } })),
    };
    await writeFile(join(directory, 'text'), '');
    await expect(checkCompleteness(closure, { allow: [], known }, testContext())).rejects.toMatchObject({
      code: 'closure-incomplete',
      message: expect.stringMatching(
        /^cannot bundle app: it could not start: the loader \/lib.+ is missing \(.+\/bin\/node\); .*libc\.so\.6 is missing/,
      ),
      hint: '--allow interpreter-missing --allow library-missing bundles it all the same',
    });
    await checkCompleteness(
      closure,
      { allow: ['interpreter-missing', 'library-missing'], known },
      testContext(),
    );
  });

  it('says of what needs a library of a GPU’s driver that the host brings it', async () => {
    const directory = await temporaryDirectory();
    await writeElf(join(directory, 'libtorch_cuda.so'), { needed: ['libcuda.so.1'] });
    const closure = closureOf([{ name: 'app', letter: 'a', directory }], 'bin/app');
    const events: ReportEvent[] = [];
    const context = testContext({ reporter: { report: (event) => events.push(event) } });
    await checkCompleteness(closure, { allow: [], known }, context);
    expect(events).toMatchObject([
      {
        message: expect.stringContaining('libcuda.so.1 is missing'),
        hint: expect.stringMatching(/from the host: .+; --allow library-missing says that it is all right/),
      },
    ]);
  });

  it('takes several names of checks at once', () => {
    expect(parseAllow(['library-missing,link-dangling', 'secret-included'])).toHaveLength(3);
  });

  it('knows the names of its checks only', () => {
    expect(() => parseAllow(['secrets'])).toThrow('cannot allow "secrets": no check is called that');
  });
});
