import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sha256OfFile } from '../../../src/core/digest.ts';
import type { Artifact } from '../../../src/core/types.ts';
import { builtCli, saddlebagJson } from '../../helpers/cli.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const sizeBytes = 200 << 20;

/** Writes the head of a static program and, behind it, nothing that takes room. */
async function writeProgram(file: string): Promise<string> {
  const head = '7f454c4602010100000000000000000002003e00010000000010400000000000';
  await using handle = await open(file, 'wx', 0o755);
  await handle.write(Buffer.from(head, 'hex'));
  await handle.truncate(sizeBytes);
  return file;
}

/** What is half-written below a directory. */
async function halfWritten(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true }).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.tmp'));
}

/** Waits until so many files are half-written, or the child has ended. */
async function untilWriting(child: ChildProcess, store: string, files: number): Promise<void> {
  while (child.exitCode === null && (await halfWritten(store)).length < files) await delay(5);
}

it('publishing to a folder that was killed is done by the next run, which leaves nothing half-written', async () => {
  const place = await temporaryDirectory();
  const program = await writeProgram(join(place, 'web'));
  const store = join(place, 'store');
  const env = { PATH: process.env.PATH, HOME: place };
  const args = ['publish', program, '--to', store];
  for (const files of [1, 2]) {
    const child = spawn(process.execPath, [builtCli, ...args], { env, stdio: 'ignore' });
    const ended = once(child, 'close');
    await untilWriting(child, store, files);
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  }
  expect(await halfWritten(store)).toHaveLength(2);
  const { checksum, fileName } = await saddlebagJson<Artifact>(args, { env });
  const sha256 = checksum.slice('sha256:'.length);
  expect(await sha256OfFile(join(store, 'web', sha256, fileName))).toBe(sha256);
  expect((await readdir(join(store, 'web', sha256))).toSorted()).toEqual(
    ['', '.cdx.json', '.provenance.json', '.sha256'].map((suffix) => fileName + suffix),
  );
});
