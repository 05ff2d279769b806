import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import type { Bundle } from '../../src/core/types.ts';
import { nobody } from '../helpers/children.ts';
import { saddlebagJson } from '../helpers/cli.ts';
import { describeWith } from '../helpers/needs.ts';
import { suiteDirectory } from '../helpers/temporary.ts';
import { type ProgramResult, writeResults } from './programs/results.ts';
import { emptyRoot, installPackages, leaveRoot, oldDebian, prepareRoot } from './programs/roots.ts';
import { makeStage, type Place } from './programs/stage.ts';
import { type ProgramCase, programCases } from './programs/table.ts';

const results: ProgramResult[] = [];
const directory = suiteDirectory();
const asked = process.env.SADDLEBAG_PROGRAMS?.split(',');
const cases = programCases.filter(({ name }) => asked === undefined || asked.includes(name));

// Never by itself: a test changes no machine that it was not told to change.
if (process.env.SADDLEBAG_INSTALL_PACKAGES === '1') await installPackages(cases);

/** Makes a directory of `nobody`'s below the suite's. */
async function ownDirectory(name: string): Promise<string> {
  const path = join(directory(), name);
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  await chown(path, nobody.uid, nobody.gid);
  return path;
}

/** The programs as they are on this machine; a directory's entrypoint for a directory. */
function nativePrograms(one: ProgramCase, shared: string): Record<string, string> {
  const entries = Object.entries(one.programs).map(([name, { file, args = [] }]) => {
    const entrypoint = args[args.indexOf('--entrypoint') + 1];
    const path = args.includes('--entrypoint') ? `${file}/${entrypoint}` : file;
    return [name, path.replaceAll('{shared}', shared)] as const;
  });
  return Object.fromEntries(entries);
}

describeWith(['root', 'gcc', 'debootstrap'], 'programs that no one here wrote', () => {
  const native: Place = { name: 'native', root: null };
  const places: Place[] = [];
  let enterRoot = '';

  beforeAll(async () => {
    enterRoot = join(directory(), 'enter-root');
    const source = fileURLToPath(new URL('programs/enter-root.c', import.meta.url));
    const compiled = await execProcess('gcc', ['-static', '-o', enterRoot, source]);
    expect(compiled.stderr).toBe('');
    places.push(
      { name: 'empty root', root: await emptyRoot(directory()) },
      { name: 'Debian 11', root: await oldDebian(directory()) },
      { name: 'this host', root: null },
    );
    for (const { root } of places) if (root !== null) await prepareRoot(root, directory());
  });

  afterAll(async () => {
    for (const { root } of places) if (root !== null) await leaveRoot(root, directory());
  });
  afterAll(() => writeResults(results, { complete: results.length === programCases.length }));

  for (const one of cases) {
    describeWith(one.tools, `${one.name} (Debian: ${one.packages})`, () => {
      it('does the same in every place', () => runCase(one));
    });
  }

  it('lets a child from the host use the libraries of the host', async () => {
    const file = join(directory(), 'bundle-bash');
    await saddlebagJson(['bundle', '/usr/bin/bash', '--force', '-o', file]);
    const script = 'readlink /proc/$$/exe; cat /proc/self/maps; env';
    const old = places.find(({ name }) => name === 'Debian 11') ?? native;
    const [work, cache] = [await ownDirectory('work'), await ownDirectory('cache')];
    await using stage = makeStage({ place: old, shared: directory(), work, cache, files: {}, enterRoot });
    const [self, ...lines] = (await stage.run(file, ['-c', script])).split('\n');
    expect(self).toMatch(/^\/nix\/store\/.*-bash\/bin\/bash$/);
    const maps = lines.filter((line) => /^[0-9a-f]+-/.test(line)).join('\n');
    expect(maps).toContain('/libc-2.31.so');
    expect(maps).not.toContain('/nix/store');
    expect(lines.filter((line) => line.startsWith('LD_'))).toEqual([]);
  });

  async function runCase(one: ProgramCase): Promise<void> {
    const shared = join(directory(), 'shared');
    await rm(shared, { recursive: true, force: true });
    await mkdir(shared);
    await chmod(shared, 0o755);
    await one.prepare?.(shared);
    const bundles = await bundleAll(one, shared);
    const cache = await ownDirectory('cache');
    const nativeFiles = nativePrograms(one, shared);
    const bundled = Object.fromEntries(Object.entries(bundles).map(([name, { file }]) => [name, file]));
    const outputs: Record<string, string> = {};
    const doJob = async (place: Place, files: Readonly<Record<string, string>>) => {
      const work = await ownDirectory('work');
      await using stage = makeStage({ place, shared: directory(), work, cache, files, enterRoot });
      return await one.job(stage, shared);
    };
    const expected = await doJob(native, nativeFiles);
    for (const place of places) {
      try {
        const output = await doJob(place, bundled);
        outputs[place.name] = output === expected ? 'same' : `differs: ${output.slice(0, 2000)}`;
      } catch (cause) {
        outputs[place.name] = cause instanceof Error ? cause.message : String(cause);
      }
    }
    results.push({
      name: one.name,
      packages: one.packages,
      does: one.does,
      sizeBytes: Math.max(...Object.values(bundles).map(({ sizeBytes }) => sizeBytes)),
      contentBytes: Math.max(...Object.values(bundles).map(({ image }) => image.contentBytes)),
      places: outputs,
    });
    expect(expected).not.toBe('');
    expect(outputs).toEqual(Object.fromEntries(places.map(({ name }) => [name, 'same'])));
  }

  async function bundleAll(one: ProgramCase, shared: string): Promise<Record<string, Bundle>> {
    const bundles: Record<string, Bundle> = {};
    for (const [name, { file, args = [] }] of Object.entries(one.programs)) {
      const output = join(directory(), `bundle-${name}`);
      const words = [file, ...args].map((word) => word.replaceAll('{shared}', shared));
      bundles[name] = await saddlebagJson<Bundle>([
        'bundle',
        ...words,
        '--force',
        '-o',
        output,
        '--compress',
        'fast',
      ]);
    }
    return bundles;
  }
});
