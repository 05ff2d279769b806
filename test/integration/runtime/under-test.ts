import { readFile } from 'node:fs/promises';
import { inject } from 'vitest';
import { readRuntime } from '../../../bundler/runtime-file.ts';
import type { Arch } from '../../../src/core/types.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** In the project `sanitized`: what it tests, and a directory for what the sanitizers find. */
    sanitized: { readonly runtime: string; readonly reports: string };
  }
}

// Other projects have none, whatever the type says.
const sanitized = inject('sanitized') as ReturnType<typeof inject<'sanitized'>> | undefined;

/** Whether the runtime is the one of the project `sanitized`, which takes more memory and needs libraries of the host. */
export const isSanitized = sanitized !== undefined;

/** Reads the runtime that the tests start: the released one, but in the project `sanitized`. */
export async function readRuntimeUnderTest(arch: Arch): Promise<Buffer> {
  return sanitized === undefined ? readRuntime(arch) : readFile(sanitized.runtime);
}

/** Variables that a runtime under the sanitizers needs. */
export const sanitizerVariables: Readonly<Record<string, string>> =
  sanitized === undefined
    ? {}
    : // It becomes the app or ends: what it has not freed by then is nobody's loss.
      { ASAN_OPTIONS: `detect_leaks=0:log_path=${sanitized.reports}/report` };
