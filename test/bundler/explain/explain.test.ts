import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type OpenBundle, openBundle } from '../../../bundler/bundle-file.ts';
import { noCache } from '../../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../../bundler/executable.ts';
import { compareBundles } from '../../../bundler/explain/difference.ts';
import { findDuplicates, largestFiles, listMembers, memberPath } from '../../../bundler/explain/members.ts';
import { renderSizePage } from '../../../bundler/explain/page.ts';
import { referenceTree, type TreeNode } from '../../../bundler/explain/tree.ts';
import { explainWhy } from '../../../bundler/explain/why.ts';
import { describeBundle } from '../../../bundler/inspect.ts';
import { piecesOf } from '../../../bundler/pieces.ts';
import { silentReporter } from '../../../src/core/reporter.ts';
import { parseStorePath, type StorePath } from '../../../src/core/store-path.ts';
import type { Closure } from '../../../src/core/types.ts';
import { newBytesOf } from '../../../src/publish/delta-plan.ts';
import { closureOf, fakeStorePath, type Member, settingsOf, writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const { signal } = new AbortController();
const libc = fakeStorePath('libc-2.36', 'a');
const lib = fakeStorePath('lib-1.0', 'b');
const app = fakeStorePath('app-1.0', 'c');
const numbered = (at: number) => parseStorePath(`/nix/store/${`${at}`.padStart(32, '0')}-a`);
const noise = (length: number) => Buffer.from(Array.from({ length }, (_, index) => (index * index) % 251));

/** An app that refers to a library, that refers to a libc; frames of 16 KiB. */
async function sample(
  name: string,
  options: {
    readonly app?: Readonly<Record<string, Member>>;
    readonly change?: (closure: Closure) => Closure;
  } = {},
): Promise<OpenBundle> {
  const directory = await temporaryDirectory();
  const place = (part: string) => join(directory, part);
  await writeTree(place('libc'), { 'lib/libc.so': noise(50_000), 'share/licence': 'free\n'.repeat(1000) });
  await writeTree(place('lib'), {
    'lib/lib.so': Buffer.concat([noise(16_370), Buffer.from(`${libc}/lib`), noise(30_000)]),
    'lib/alias.so': { link: `${libc}/lib/libc.so` },
    'share/licence': 'free\n'.repeat(1000),
  });
  await writeTree(place('app'), { 'bin/app': { executable: `#!${lib}/bin/sh\n` }, ...options.app });
  const closure = closureOf(
    [
      { name: 'libc-2.36', letter: 'a', directory: place('libc') },
      { name: 'lib-1.0', letter: 'b', directory: place('lib') },
      { name: 'app-1.0', letter: 'c', directory: place('app') },
    ],
    'bin/app',
  );
  const references = [[], [libc], [lib]];
  const linked = {
    ...closure,
    paths: closure.paths.map((path, index) => ({ ...path, references: references[index] ?? [] })),
  };
  const output = place(`${name}.bundle`);
  await writeBundle(options.change?.(linked) ?? linked, {
    output,
    force: false,
    toolVersion: '9.9.9',
    runtime: Buffer.from('stands for the runtime\n'),
    runtimeOptions: true,
    compression: { level: 3, frameBytes: 1 << 14 },
    jobs: 2,
    cache: noCache,
    signal,
    reporter: silentReporter,
  });
  return openBundle(output);
}

const newBytes = (one: OpenBundle, two: OpenBundle) =>
  newBytesOf(piecesOf(one), piecesOf(two), two.sizeBytes);

/** Index, header and trailer: what is new in any other bundle. */
function tailBytes({ sizeBytes, header }: OpenBundle): number {
  return sizeBytes - header.dataOffset - header.dataBytes;
}

describe('explainWhy', () => {
  it('names the chain and the files that make it, also where a hash spans two frames', async () => {
    await using bundle = await sample('app');
    expect(await explainWhy(bundle, 'libc', signal)).toEqual([
      {
        target: libc,
        steps: [
          { storePath: app, because: [] },
          { storePath: lib, because: [`${app}/bin/app`] },
          { storePath: libc, because: [`${lib}/lib/alias.so`, `${lib}/lib/lib.so`] },
        ],
      },
    ]);
  });

  it.each([
    libc,
    `${libc}/lib/libc.so`,
    'libc-2.36',
    `${'a'.repeat(32)}-libc-2.36`,
    'libc.so',
    'lib/libc.so',
  ])('finds what %s means', async (query) => {
    await using bundle = await sample('app');
    expect((await explainWhy(bundle, query, signal)).map(({ target }) => target)).toEqual([libc]);
  });

  it('explains each store path that a file name fits', async () => {
    await using bundle = await sample('app');
    const targets = (await explainWhy(bundle, 'share/licence', signal)).map(({ target }) => target);
    expect(targets).toEqual([libc, lib]);
  });

  it('says so when nothing is called that', async () => {
    await using bundle = await sample('app');
    await expect(explainWhy(bundle, 'openssl', signal)).rejects.toMatchObject({
      code: 'not-in-bundle',
      message: `cannot explain openssl: ${bundle.file} holds nothing of that name`,
    });
  });
});

describe('members', () => {
  it('lists the largest files and what stands in several store paths', async () => {
    await using bundle = await sample('app');
    const members = listMembers(bundle);
    expect(largestFiles(members, 2).map(memberPath)).toEqual([`${libc}/lib/libc.so`, `${lib}/lib/lib.so`]);
    expect(await findDuplicates(bundle, members, signal)).toEqual([
      {
        sizeBytes: 5000,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        files: [`${libc}/share/licence`, `${lib}/share/licence`],
      },
    ]);
  });
});

describe('referenceTree', () => {
  const path = (storePath: typeof app, contentBytes: number, references: (typeof app)[]) => ({
    ...{ storePath, contentBytes, references },
    ...{ entries: 1, compressedBytes: 1, contentSha256: '' },
  });

  it('sums each store path once and shows a repeated one as such', () => {
    const other = fakeStorePath('other', 'd');
    const [tree, ...rest] = referenceTree([
      path(libc, 100, []),
      path(lib, 10, [libc]),
      path(other, 3, [lib]),
      path(app, 1, [lib, other]),
    ]);
    expect(rest).toEqual([]);
    expect(tree).toMatchObject({ storePath: app, ownBytes: 1, closureBytes: 114 });
    expect(tree?.children).toMatchObject([
      { storePath: other, closureBytes: 113, children: [{ storePath: lib, repeated: false }] },
      { storePath: lib, closureBytes: 110, repeated: true, children: [] },
    ]);
  });

  it('sums hundreds of store paths as a walk to each of them does, in whatever order they stand', () => {
    const names = Array.from({ length: 300 }, (_, at) => numbered(at));
    // Each refers to itself and to some before it, near and far.
    const ordered = names.map((name, at) =>
      path(
        name,
        1 + ((at * 7919) % 1000),
        [at, at - 1 - (at % 5), at >> 1].flatMap((other) => names[other] ?? []),
      ),
    );
    const byName = new Map(ordered.map((one) => [one.storePath, one]));
    const walk = (name: StorePath, seen = new Set<StorePath>()): Set<StorePath> => {
      if (!seen.has(name)) {
        seen.add(name);
        for (const next of byName.get(name)?.references ?? []) walk(next, seen);
      }
      return seen;
    };
    const sum = (name: StorePath) =>
      [...walk(name)].reduce((bytes, one) => bytes + (byName.get(one)?.contentBytes ?? 0), 0);
    const sums = (nodes: readonly TreeNode[]): (readonly [StorePath, number])[] =>
      nodes.flatMap(({ storePath, closureBytes, children }) => [
        [storePath, closureBytes] as const,
        ...sums(children),
      ]);
    for (const paths of [ordered, ordered.toReversed()]) {
      expect(new Map(sums(referenceTree(paths)))).toEqual(new Map(names.map((name) => [name, sum(name)])));
    }
  });

  it('refuses store paths that refer to one another in a circle', () => {
    expect(() => referenceTree([path(libc, 1, [app]), path(lib, 1, [libc]), path(app, 1, [lib])])).toThrow(
      'cannot show what refers to what: store paths refer to one another in a circle',
    );
  });
});

describe('compareBundles', () => {
  it('finds nothing new in the same closure', async () => {
    await using one = await sample('one');
    await using two = await sample('two');
    const difference = compareBundles(one, two);
    expect(difference).toMatchObject({ same: true, settings: [], added: [], removed: [], updated: [] });
    expect(newBytes(one, two)).toBe(tailBytes(two));
  });

  it('names what changed, and counts the frames that are new', async () => {
    await using one = await sample('one');
    await using two = await sample('two', {
      app: { 'share/new': noise(10_000) },
      change: (closure) => ({
        ...closure,
        entrypoint: { ...closure.entrypoint, env: settingsOf({ PORT: '80' }) },
      }),
    });
    const difference = compareBundles(one, two);
    expect(difference).toMatchObject({
      same: false,
      settings: ['env'],
      added: [],
      removed: [],
      updated: [{ from: { storePath: app }, to: { storePath: app } }],
    });
    const appFrames = two.frames.filter(
      ({ tarOffset }) => tarOffset >= (two.header.paths[2]?.tarOffset ?? 0),
    );
    const appBytes = appFrames.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(newBytes(one, two)).toBe(tailBytes(two) + appBytes);
  });
});

describe('renderSizePage', () => {
  it('holds every store path and escapes what the bundle calls its files', async () => {
    await using bundle = await sample('app', { app: { 'share/<script>alert(1)</script>': noise(20_000) } });
    const described = describeBundle({ ...bundle, sha256: '' });
    const page = renderSizePage(described, listMembers(bundle), []);
    for (const name of ['libc-2.36', 'lib-1.0', 'app-1.0']) expect(page).toContain(name);
    expect(page).toContain('&lt;script&gt;alert(1)');
    expect(page).not.toMatch(/<script/);
  });
});
