import { chmod, mkdir, readdir, readFile, realpath, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sha256Hex } from '../../../../src/core/digest.ts';
import { fileContent, textContent } from '../../../../src/publish/content.ts';
import { openDirectoryStore } from '../../../../src/publish/directory/store.ts';
import type { PutOptions } from '../../../../src/publish/store.ts';
import { nobody } from '../../../helpers/children.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';
import { failureOf } from '../failure.ts';

const { signal } = new AbortController();
const options: PutOptions = { contentType: 'text/plain', signal };
const key = 'web/ab/web-1.0';

describe('openDirectoryStore', () => {
  it('stores, finds and reads an object', async () => {
    const directory = join(await temporaryDirectory(), 'new', 'store');
    const store = openDirectoryStore(directory);
    expect(await store.head(key, signal)).toBeUndefined();
    const progress: number[] = [];
    const put = store.put(key, textContent('hello'), {
      ...options,
      onProgress: (done) => progress.push(done),
    });
    expect(await put).toBe('stored');
    expect(progress).toEqual([5]);
    expect(await store.head(key, signal)).toEqual({ sizeBytes: 5, sha256: sha256Hex('hello') });
    expect(Buffer.concat(await Array.fromAsync(store.get(key, signal))).toString()).toBe('hello');
    expect(await readFile(join(directory, key), 'utf8')).toBe('hello');
    expect(store.describe(key)).toBe(join(directory, key));
  });

  it('makes everything readable for others, whatever the umask', async () => {
    const before = process.umask(0o077);
    onTestFinished(() => {
      process.umask(before);
    });
    const directory = await temporaryDirectory();
    await openDirectoryStore(directory).put(key, textContent('hello'), options);
    const modes = await Promise.all(
      ['web', 'web/ab', key].map(async (path) => (await stat(join(directory, path))).mode & 0o777),
    );
    expect(modes).toEqual([0o755, 0o755, 0o644]);
  });

  it('refuses a folder that is a file, and one that cannot be made', async () => {
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, 'a file');
    const taken = await failureOf(openDirectoryStore(file).put(key, textContent('hello'), options));
    expect(taken.message).toBe(`cannot write ${file}: it is not a folder`);
    // What /proc says to every new name is ENOENT.
    const failure = await failureOf(openDirectoryStore('/proc/x/y').put(key, textContent('hello'), options));
    expect(failure.message).toMatch(/^cannot write \/proc\/x\/y: /);
  });

  it('keeps what is there', async () => {
    const store = openDirectoryStore(await temporaryDirectory());
    await store.put(key, textContent('first'), options);
    expect(await store.put(key, textContent('second'), options)).toBe('taken');
    expect((await store.head(key, signal))?.sha256).toBe(sha256Hex('first'));
  });

  it('gives two at once one object', async () => {
    const store = openDirectoryStore(await temporaryDirectory());
    const outcomes = await Promise.all(
      [1, 2, 3].map((text) => store.put(key, textContent(`${text}`), options)),
    );
    expect(outcomes.toSorted()).toEqual(['stored', 'taken', 'taken']);
  });

  it('removes what dead publishers have left of an object, once it is there, and nothing else', async () => {
    const directory = await temporaryDirectory();
    const place = join(directory, 'web/ab');
    await mkdir(place, { recursive: true });
    const name = basename(key);
    const kept = [name, `.${name}.tmp`, `.${name}.sha256.0123456789ab.tmp`, '.other.0123456789ab.tmp'];
    for (const each of [`.${name}.0123456789ab.tmp`, ...kept.slice(1)])
      await writeFile(join(place, each), 'half');
    const store = openDirectoryStore(directory);
    await store.removeLeftovers(key, signal);
    expect(await readdir(place)).toHaveLength(4);
    await store.put(key, textContent('whole'), options);
    await store.removeLeftovers(key, signal);
    expect((await readdir(place)).toSorted()).toEqual(kept.toSorted());
  });

  it('takes an object for taken whose publisher has removed what was being written', async () => {
    const directory = await temporaryDirectory();
    const store = openDirectoryStore(directory);
    let others: Promise<unknown> = Promise.resolve();
    const content = textContent('slow');
    const slowly = {
      ...content,
      async *chunks(chunkBytes: number) {
        yield* content.chunks(chunkBytes);
        others = store.put(key, textContent('fast'), options).then(() => store.removeLeftovers(key, signal));
        await others;
      },
    };
    expect(await store.put(key, slowly, options)).toBe('taken');
    await others;
    expect(await readdir(join(directory, 'web/ab'))).toEqual([basename(key)]);
  });

  it('leaves nothing of a file that changed while it was stored', async () => {
    const directory = await temporaryDirectory();
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, 'after');
    const content = fileContent(file, { sizeBytes: 5, sha256: sha256Hex('befor'), crc32: 0 });
    const failure = await failureOf(openDirectoryStore(directory).put(key, content, options));
    expect(failure.code).toBe('file-changed');
    expect(await readdir(join(directory, 'web/ab'))).toEqual([]);
  });

  it('leaves nothing when it is interrupted', async () => {
    const directory = await temporaryDirectory();
    const controller = new AbortController();
    const put = openDirectoryStore(directory).put(key, textContent('hello'), {
      contentType: 'text/plain',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(put).rejects.toThrow('aborted');
    expect(await readdir(join(directory, 'web/ab'))).toEqual([]);
  });

  it('may itself be a link, but follows none below', async () => {
    const outside = await realpath(await temporaryDirectory());
    const real = await temporaryDirectory();
    const directory = join(await temporaryDirectory(), 'link');
    await symlink(real, directory);
    const store = openDirectoryStore(directory);
    await store.put('inside/file', textContent('hello'), options);
    expect(await readdir(join(real, 'inside'))).toEqual(['file']);
    await symlink(outside, join(real, 'web'));
    for (const work of [() => store.put(key, textContent('hello'), options), () => store.head(key, signal)]) {
      const failure = await failureOf(work);
      expect(failure.code).toBe('link-refused');
      expect(failure.message).toMatch(/^cannot use .*\/web: it is a symbolic link$/);
    }
    expect(await readdir(outside)).toEqual([]);
  });

  it('takes a link in the place of an object for no object of its own', async () => {
    const directory = await temporaryDirectory();
    const outside = join(await temporaryDirectory(), 'secret');
    await writeFile(outside, 'secret');
    await mkdir(join(directory, 'web/ab'), { recursive: true });
    await symlink(outside, join(directory, key));
    const store = openDirectoryStore(directory);
    expect(await store.put(key, textContent('hello'), options)).toBe('taken');
    expect((await failureOf(store.head(key, signal))).code).toBe('link-refused');
    expect((await failureOf(Array.fromAsync(store.get(key, signal)))).code).toBe('link-refused');
    expect(await readFile(outside, 'utf8')).toBe('secret');
  });

  it.each(['../out', 'a/../../out', '/etc/passwd', 'a//b', '', '.hidden', 'a/.b/c'])(
    'refuses the key %j',
    async (bad) => {
      const store = openDirectoryStore(await temporaryDirectory());
      for (const work of [() => store.put(bad, textContent('x'), options), () => store.head(bad, signal)]) {
        expect((await failureOf(work)).code).toBe('key-invalid');
      }
    },
  );

  it('names the place when a file stands where a directory should', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'web'), '');
    const failure = await failureOf(openDirectoryStore(directory).put(key, textContent('x'), options));
    expect(failure.code).toBe('store-failed');
    expect(failure.message).toMatch(/^cannot write .*\/web\/ab: a part of the path is not a directory$/);
  });

  it('names the place that it may not write to', async () => {
    const directory = await temporaryDirectory();
    await chmod(directory, 0o555);
    // The superuser may write anywhere.
    if (process.geteuid?.() === 0) {
      process.seteuid?.(nobody.uid);
      onTestFinished(() => process.seteuid?.(0));
    }
    const failure = await failureOf(openDirectoryStore(directory).put(key, textContent('x'), options));
    expect(failure.message).toMatch(/^cannot write .*\/web: permission denied$/);
  });
});
