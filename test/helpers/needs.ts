import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'vitest';

/** Names of tools that must be there: the suite fails without them instead of skipping. Set by CI. */
const mustRun = new Set(
  (process.env.SADDLEBAG_TESTS_MUST_RUN ?? '').split(',').filter((name) => name !== ''),
);

/**
 * Finds a program on PATH, or by `<NAME>_BIN` (`NOMAD_BIN`), or by its path; undefined where there is no such executable
 * file.
 */
export function findTool(name: string): string | undefined {
  if (name.startsWith('/')) return isExecutable(name) ? name : undefined;
  const named = process.env[`${name.toUpperCase().replaceAll('-', '_')}_BIN`];
  const candidates = [
    ...(named === undefined ? [] : [named]),
    ...(process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, name)),
  ];
  return candidates.find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether a tool that is missing fails the tests that need it, instead of skipping them. */
export function isRequired(tool: string): boolean {
  return mustRun.has(tool);
}

/**
 * Describes tests that need tools of the machine (`nix-store`, `minio`, `nomad`) or, as `root`, its superuser. What is
 * missing skips them with a line that says so, or fails them where `SADDLEBAG_TESTS_MUST_RUN` names it.
 */
export function describeWith(tools: readonly string[], name: string, body: () => void): void {
  const missing = tools.filter((tool) =>
    tool === 'root' ? process.getuid?.() !== 0 : findTool(tool) === undefined,
  );
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${missing.join(', ')} missing`;
  if (missing.some((tool) => mustRun.has(tool))) {
    describe(name, () => {
      it('finds its tools', () => {
        throw new Error(reason);
      });
    });
    return;
  }
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe.skip(`${name} (${reason})`, body);
}
