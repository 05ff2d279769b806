import { describe, expect, it } from 'vitest';
import type { ReleaseList } from '../../../../src/core/types.ts';
import {
  addRelease,
  findReleases,
  idOf,
  parseReleaseList,
  parseReleaseReference,
  renderReleaseList,
  withoutReleases,
} from '../../../../src/publish/releases/model.ts';
import { failureOf } from '../failure.ts';
import { sampleRelease } from './sample.ts';

const empty: ReleaseList = { version: 1, name: 'web', serial: 0, releases: [] };
const listOf = (...releases: ReturnType<typeof sampleRelease>[]) => releases.reduce(addRelease, empty);
const versionsOf = (list: ReleaseList) => list.releases.map(({ artifact }) => artifact.appVersion);

describe('a list of releases', () => {
  it('survives being written and read', () => {
    const list = listOf(sampleRelease('1.0'), sampleRelease('1.1', { arch: 'aarch64' }));
    expect(parseReleaseList(renderReleaseList(list), 'x')).toEqual(list);
  });

  it('has what was published last in front, and each artifact once', () => {
    const list = listOf(sampleRelease('1.0'), sampleRelease('1.1'), sampleRelease('1.0'));
    expect(versionsOf(list)).toEqual(['1.0', '1.1']);
    expect(list.serial).toBe(3);
  });

  it('is left as it is where there is nothing to take out', () => {
    const list = listOf(sampleRelease('1.0'), sampleRelease('1.1'));
    expect(withoutReleases(list, new Set(['sha256:none/web']))).toBe(list);
    const less = withoutReleases(list, new Set([idOf(sampleRelease('1.0'))]));
    expect([versionsOf(less), less.serial]).toEqual([['1.1'], 3]);
  });

  it.each([
    ['{', 'it is not JSON'],
    ['[]', 'it is no list of releases of version 1'],
    ['{"version":2}', 'it is no list of releases of version 1'],
    ['{"version":1,"name":"web"}', 'name, serial or releases is missing'],
    ['{"version":1,"name":"web","serial":1,"releases":[{}]}', 'releases[0] is not what publish writes'],
  ])('is refused where it reads %s', async (text, reason) => {
    const failure = await failureOf(() => parseReleaseList(text, 's3://apps/web/releases.json'));
    expect(failure.code).toBe('releases-invalid');
    expect(failure.message).toBe(`cannot read s3://apps/web/releases.json: ${reason}`);
  });

  it.each([
    ['another version', { appVersion: '2.0' }],
    ['another processor', { arch: 'aarch64' }],
    ['another app', { name: 'admin', fileName: 'admin-1.0-x86_64' }],
  ])('is refused where a release passes for one of %s', async (_, said) => {
    const release = sampleRelease('1.0');
    const list = { ...listOf(), releases: [{ ...release, artifact: { ...release.artifact, ...said } }] };
    const failure = await failureOf(() => parseReleaseList(JSON.stringify(list), 'x'));
    expect(failure.code).toBe('releases-invalid');
    expect(failure.message).toMatch(/(web|admin)-1.0-x86_64 is not what it says to be$/);
  });

  it.each(['publishedAt', 'labels', 'artifact'])(
    'is refused where %s of a release is damaged',
    async (key) => {
      const list = { ...listOf(), releases: [{ ...sampleRelease('1.0'), [key]: 7 }] };
      const failure = await failureOf(() => parseReleaseList(JSON.stringify(list), 'x'));
      expect(failure.message).toContain('releases[0] is not what publish writes');
    },
  );
});

describe('NAME@VERSION', () => {
  it.each([
    ['web', { name: 'web', version: null }],
    ['web@1.4', { name: 'web', version: '1.4' }],
    ['web@sha256:ab', { name: 'web', version: 'sha256:ab' }],
    ['@scope@1', { name: '@scope', version: '1' }],
  ])('reads %s', (text, expected) => {
    expect(parseReleaseReference(text)).toEqual(expected);
  });

  it.each(['', '@1', 'web@', 'apps/web'])('refuses %j', async (text) => {
    expect((await failureOf(() => parseReleaseReference(text))).code).toBe('release-reference-invalid');
  });

  const list = listOf(
    sampleRelease('1.0', { salt: 'first' }),
    sampleRelease('1.0', { salt: 'second' }),
    sampleRelease('1.1'),
    sampleRelease('1.1', { arch: 'aarch64' }),
  );
  const found = (version: string | null) =>
    findReleases(list, { name: 'web', version }, 's3://apps/x').map(({ artifact }) => artifact);

  it('finds each processor of what was published last', () => {
    expect(found(null).map(({ appVersion, arch }) => `${appVersion} ${arch}`)).toEqual([
      '1.1 aarch64',
      '1.1 x86_64',
    ]);
  });

  it('takes the last build of a version, and any by its checksum', () => {
    const second = sampleRelease('1.0', { salt: 'second' }).artifact;
    const first = sampleRelease('1.0', { salt: 'first' }).artifact;
    expect(found('1.0')).toEqual([second]);
    expect(found(first.checksum)).toEqual([first]);
    expect(found(first.checksum.slice(0, 19))).toEqual([first]);
  });

  it('refuses a checksum that is too short to mean one', async () => {
    const short = sampleRelease('1.1').artifact.checksum.slice(0, 18);
    expect((await failureOf(() => found(short))).code).toBe('release-unknown');
  });

  it('names what is there where the version is not', async () => {
    const failure = await failureOf(() => found('2.0'));
    expect(failure.message).toBe('cannot find web@2.0 in s3://apps/x: there is 1.1, 1.0');
    expect(failure.hint).toBe('saddlebag releases web --from s3://apps/x lists them');
    expect(failure.exitCode).toBe(2);
    const nothing = await failureOf(() => findReleases(empty, { name: 'web', version: null }, './www'));
    expect(nothing.message).toBe('cannot find web in ./www: nothing is published under that name');
    expect(nothing.hint).toContain('--from');
  });
});
