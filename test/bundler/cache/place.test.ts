import { chmod, lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCacheDirectory, placeCache } from '../../../bundler/cache/place.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describe('placeCache', () => {
  it.each([
    [{ SADDLEBAG_BUILD_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, '/c'],
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/saddlebag/frames'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/h' }, '/h/.cache/saddlebag/frames'],
    [{ SADDLEBAG_BUILD_CACHE: '', HOME: '/h' }, '/h/.cache/saddlebag/frames'],
    [{}, undefined],
  ])('finds for %j %s', (env, directory) => {
    expect(placeCache(env)?.directory).toBe(directory);
  });

  it.each([
    ['', 5e9],
    ['0', 0],
    ['500M', 5e8],
    ['1.5g', 1.5e9],
    ['20GB', 2e10],
  ])('takes "%s" for %i bytes', (text, limitBytes) => {
    expect(placeCache({ HOME: '/h', SADDLEBAG_BUILD_CACHE_SIZE: text })?.limitBytes).toBe(limitBytes);
  });

  it.each(['-1', '10 apples', 'G', '1e9'])('refuses "%s" as a size', (text) => {
    expect(() => placeCache({ HOME: '/h', SADDLEBAG_BUILD_CACHE_SIZE: text })).toThrow(
      expect.objectContaining({ code: 'cache-size-invalid', exitCode: 2 }),
    );
  });
});

describe('openCacheDirectory', () => {
  it('makes it for its user alone and keeps backups away', async () => {
    const directory = join(await temporaryDirectory(), 'a/b');
    const umask = process.umask(0);
    await openCacheDirectory(directory);
    process.umask(umask);
    expect((await lstat(directory)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(directory, 'CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: 8a477f597d28d172/);
    await openCacheDirectory(directory);
  });

  it('refuses what others may write to, a link and a file', async () => {
    const top = await temporaryDirectory();
    await mkdir(join(top, 'open'));
    await chmod(join(top, 'open'), 0o777);
    await symlink('open', join(top, 'link'));
    await writeFile(join(top, 'file'), '');
    await expect(openCacheDirectory(join(top, 'open'))).rejects.toMatchObject({
      code: 'cache-unusable',
      message: `cannot use the cache ${join(top, 'open')}: other users may write to it`,
    });
    await expect(openCacheDirectory(join(top, 'link'))).rejects.toMatchObject({ code: 'cache-unusable' });
    await expect(openCacheDirectory(join(top, 'file'))).rejects.toMatchObject({ code: 'cache-unusable' });
  });
});
