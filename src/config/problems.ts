import { exitCodes, SaddlebagError } from '../core/errors.ts';

/** What is wrong with a file, and in which line of it. */
export interface ConfigProblem {
  /** From 1. */
  readonly line: number;
  /** `app.web.deploy.memory: expected …`. */
  readonly message: string;
}

/** Names the file and the line of each problem: `saddlebag.hcl:12: app.web.deploy.memory: expected …`. */
export function describeProblems(shownFile: string, problems: readonly ConfigProblem[]): readonly string[] {
  return problems.map(({ line, message }) => `${shownFile}:${line}: ${message}`);
}

/**
 * Makes the error that tells all problems of a file, which name their lines, in the order of the file and none twice.
 */
export function configRefused(shownFile: string, lines: readonly string[]): SaddlebagError {
  const all = [...new Set(lines)].sort((a, b) => lineNumber(a) - lineNumber(b));
  const [only] = all;
  return new SaddlebagError(
    'config-invalid',
    all.length === 1
      ? `cannot use ${only}`
      : `cannot use ${shownFile}: ${all.length} problems\n${all.map((line) => `  ${line}`).join('\n')}`,
    { hint: 'docs/config.md lists every key', exitCode: exitCodes.usage },
  );
}

function lineNumber(text: string): number {
  return Number(/:(\d+): /.exec(text)?.[1] ?? 0);
}
