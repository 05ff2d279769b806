/*
 * Of the project `sanitized`: compiles the runtime under the address and undefined behaviour sanitizers, and has each test
 * use it. What a process of it finds that nobody waits for, such as a server of `lazy`, fails the run at its end.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findTool, isRequired } from '../../helpers/needs.ts';
import { compileSanitizedRuntime } from './sanitized.ts';

let directory: string | undefined;

export async function setup(project: TestProject): Promise<void> {
  if (findTool('gcc') === undefined && !isRequired('gcc')) {
    process.stderr.write('skipped: the runtime under the sanitizers: gcc missing\n');
    project.provide('sanitized', { runtime: '', reports: '' });
    return;
  }
  directory = await mkdtemp(join(tmpdir(), 'saddlebag-sanitized-'));
  await chmod(directory, 0o755);
  const reports = join(directory, 'reports');
  await mkdir(reports);
  // Bundles are started as other users too.
  await chmod(reports, 0o1777);
  const runtime = await compileSanitizedRuntime(join(directory, 'runtime'));
  project.provide('sanitized', { runtime, reports });
}

export async function teardown(): Promise<void> {
  if (directory === undefined) return;
  const reports = join(directory, 'reports');
  const found: string[] = [];
  for (const name of await readdir(reports)) found.push(await readFile(join(reports, name), 'utf8'));
  await rm(directory, { recursive: true });
  if (found.length > 0) throw new Error(`the sanitizers found:\n${found.join('\n')}`);
}
