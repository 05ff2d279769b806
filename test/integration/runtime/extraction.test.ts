import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectBundle } from '../../../bundler/inspect.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { execProcess } from '../../../src/core/exec.ts';
import { makeMemoryGroup } from '../../helpers/memory-group.ts';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle, start, startChild, type TestBundle, withCache } from './bundles.ts';
import { debug } from './machine.ts';

const extracted = (bundle: TestBundle, path = '') => join(bundle.cache, 'store', appBase, path);

/** Content without pattern, so that frames end in odd places. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = 1; at < length; at++) {
    state = (state * 48271) % 2147483647;
    bytes[at] = state >> 8;
  }
  return bytes;
}

describe('an extracted store path', () => {
  it('has a file that spans frames, byte for byte', async () => {
    const content = noise(300_001);
    const members = { before: noise(70_000), big: content, 'zz/after': noise(4096), 'zz/small': 'x' };
    const bundle = await makeBundle('', { members, frameBytes: 1 << 16 });
    expect((await start(bundle, { env: { SADDLEBAG_JOBS: '8' } })).code).toBe(0);
    expect((await readFile(extracted(bundle, 'big'))).equals(content)).toBe(true);
    expect((await readFile(extracted(bundle, 'zz/after'))).equals(noise(4096))).toBe(true);
    const status = await lstat(extracted(bundle, 'big'));
    expect([status.mode & 0o7777, status.mtimeMs]).toEqual([0o444, 1000]);
  });

  it('is the same by one thread and by eight', async () => {
    const members = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`d${index % 7}/f${index}`, noise(index * 97)]),
    );
    const bundle = await makeBundle(
      'cd "$(dirname "$0")/.." && find . -type f | sort | xargs cat | sha256sum',
      {
        members,
        frameBytes: 1 << 14,
      },
    );
    const digests = new Set<string>();
    for (const jobs of ['1', '8']) {
      const cache = join(bundle.cache, `jobs-${jobs}`);
      digests.add(
        (await start(bundle, { env: { SADDLEBAG_JOBS: jobs, SADDLEBAG_CACHE_DIR: cache } })).stdout,
      );
    }
    expect(digests.size).toBe(1);
    expect([...digests][0]).toMatch(/^[0-9a-f]{64} /);
  });

  it('comes out of a frame that it shares, alone or with its neighbours', async () => {
    const dependencies = ['d', 'f', 'g', 'h'].map((letter) => ({
      letter,
      name: 'part',
      members: { 'share/text': `this is ${letter}\n`, 'share/more': noise(3000 + letter.charCodeAt(0)) },
    }));
    const bundle = await makeBundle('cat /nix/store/*-part/share/text', { dependencies });
    const { image } = await inspectBundle(bundle.file, { signal: new AbortController().signal });
    // All parts in one frame, the app in another, the end of the tar in the last.
    expect([image.paths.length, image.frames]).toEqual([5, 3]);
    const all = 'this is d\nthis is f\nthis is g\nthis is h\n';
    expect((await start(bundle)).stdout).toBe(all);
    const part = (letter: string, path = '') =>
      join(bundle.cache, 'store', `${letter.repeat(32)}-part`, path);
    for (const gone of [['f'], ['d', 'g'], ['h']]) {
      for (const letter of gone) await rm(part(letter), { recursive: true });
      expect((await start(bundle)).stdout).toBe(all);
      for (const { letter, members } of dependencies) {
        expect(await readFile(part(letter, 'share/more'))).toEqual(members['share/more']);
      }
    }
  });
});

describe('an extracted store path with frames of several pieces', () => {
  const repeated = noise(100_000);
  const members = {
    a: noise(1000),
    b: repeated,
    c: Buffer.concat([noise(3333).reverse(), repeated]),
    'd/e': 'x',
    f: noise(20_000).reverse(),
    g: repeated,
  };
  const joining = { pieceBytes: 1 << 13, mostBytes: 1 << 17, tuning: { windowLog: 17 } };

  it('has what was bundled', async () => {
    const script = 'cd "$(dirname "$0")/.." && sha256sum a b c d/e f g | cut -c 1-64';
    const bundle = await makeBundle(script, { members, frameBytes: 1 << 14, joining });
    const { image } = await inspectBundle(bundle.file, { signal: new AbortController().signal });
    // Of 44 pieces, far fewer frames than pairs of them would give.
    expect(image.frames).toBeLessThan(12);
    const { stdout } = await start(bundle);
    expect(stdout.trim().split('\n')).toEqual(Object.values(members).map((content) => sha256Hex(content)));
    expect((await start(bundle, { args: ['--saddlebag-verify'] })).code).toBe(0);
  });
});

describeWith(['root'], 'in a control group of 32 MB', () => {
  it('has no more threads than there is memory for', async ({ skip }) => {
    const group = makeMemoryGroup(32 << 20);
    if (typeof group === 'string') return skip(group);
    onTestFinished(group.remove);
    const big = randomBytes(32 << 20);
    const bundle = await makeBundle('', { members: { big }, frameBytes: 4 << 20 });
    const { file, args } = group.confine({ file: bundle.file, args: [], asRoot: false });
    const env = { ...process.env, SADDLEBAG_JOBS: '8', SADDLEBAG_CACHE_DIR: bundle.cache };
    expect(await execProcess(file, args, { env })).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await readFile(extracted(bundle, 'big'))).equals(big)).toBe(true);
  });
});

it('waits for a start that unpacks, and says so when asked', async () => {
  const bundle = await makeBundle('echo ok');
  const lock = join(bundle.cache, 'lock');
  const holder = startChild('flock', { args: [lock, '-c', 'echo held; read -r end'], keepInput: true });
  await once(holder.child.stdout, 'data');
  const { child, outcome } = startChild(bundle.file, withCache(bundle, { env: debug }));
  await new Promise<void>((resolve) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.includes('app: the lock: held by another start, waited for\n')) resolve();
    });
  });
  expect(await readdir(bundle.cache)).not.toContain('.saddlebag-tmp');
  holder.child.stdin.end('\n');
  await holder.outcome;
  expect(await outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
});
