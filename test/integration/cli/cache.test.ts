import { chmod, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Bundle } from '../../../src/core/types.ts';
import { saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

interface CacheReport {
  readonly directory: string;
  readonly records: number;
  readonly sizeBytes: number;
  readonly limitBytes: number;
  readonly cleared: boolean;
}

async function place() {
  const cwd = await temporaryDirectory();
  const directory = join(cwd, 'cache');
  const env = { ...process.env, SADDLEBAG_BUILD_CACHE: directory, SADDLEBAG_BUILD_CACHE_SIZE: '' };
  return { cwd, directory, options: { cwd, env } };
}

describe('the cache of saddlebag bundle', () => {
  it('changes no byte, and is shown and cleared by saddlebag cache', async () => {
    const { cwd, directory, options } = await place();
    for (const [file, flags] of [
      ['plain', ['--no-cache']],
      ['first', []],
      ['again', []],
    ] as const) {
      await saddlebagJson<Bundle>(['bundle', 'program:cat', '-o', file, ...flags], options);
      if (file === 'plain') expect(await readdir(cwd)).toEqual(['plain']);
    }
    const plain = await readFile(join(cwd, 'plain'));
    expect(await readFile(join(cwd, 'first'))).toEqual(plain);
    expect(await readFile(join(cwd, 'again'))).toEqual(plain);
    const shown = await saddlebagJson<CacheReport>(['cache'], options);
    expect(shown).toMatchObject({ directory, limitBytes: 5e9, cleared: false });
    expect(shown.sizeBytes).toBeGreaterThan(100_000);
    expect(await saddlebagJson(['cache', '--clear'], options)).toEqual({ ...shown, cleared: true });
    const { stdout } = await saddlebag(['cache'], options);
    expect(stdout).toBe(`0 B of at most 5.0 GB in ${directory}`);
  });

  it('stays below its limit', async () => {
    const { options } = await place();
    const small = { ...options, env: { ...options.env, SADDLEBAG_BUILD_CACHE_SIZE: '50K' } };
    await saddlebagJson(['bundle', 'program:cat'], small);
    const { sizeBytes } = await saddlebagJson<CacheReport>(['cache'], small);
    expect(sizeBytes).toBeLessThanOrEqual(50_000);
  });

  it('is left alone, with a warning, where others could write to it', async () => {
    const { cwd, directory, options } = await place();
    await mkdir(directory);
    await chmod(directory, 0o777);
    const bundled = await saddlebag(['bundle', 'program:true', '-o', 'out'], options);
    expect(bundled.exitCode).toBe(0);
    expect(bundled.stderr).toContain(`cannot use the cache ${directory}: other users may write to it`);
    expect(await readdir(directory)).toEqual([]);
    expect((await stat(join(cwd, 'out'))).size).toBeGreaterThan(100_000);
    const cleared = await saddlebag(['cache', '--clear'], options);
    expect([cleared.exitCode, cleared.stdout]).toEqual([1, '']);
  });

  it('refuses a limit that is no size before it does anything', async () => {
    const { cwd, options } = await place();
    const env = { ...options.env, SADDLEBAG_BUILD_CACHE_SIZE: 'much' };
    const result = await saddlebag(['bundle', 'program:true'], { cwd, env });
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('got "much" (from SADDLEBAG_BUILD_CACHE_SIZE)');
    expect(await readdir(cwd)).toEqual([]);
  });
});
