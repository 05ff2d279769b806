import type { Release } from '../../deploy/release/release-model.ts';
import { describeTiming } from '../../deploy/release/timing.ts';
import { exitCodes } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { CommandResult } from './result.ts';

/** Makes the result of every command that brings a version up: the evaluation's id, or the Release. */
export function releaseResult(release: Release): CommandResult {
  return { text: release.evalId, json: release, summary: summarize(release), exitCode: exitCodes.done };
}

/** Renders a release for the page of a CI job, as Markdown. */
function summarize({ jobId, namespace, jobVersion, status, allocations, timing }: Release): string {
  const rows = allocations.map(
    ({ name, node, status: state }) => `| ${[name, node, state].map(plain).join(' | ')} |`,
  );
  return [
    `### ${plain(jobId)}: version ${jobVersion} is ${status}`,
    '',
    `Namespace ${plain(namespace)}${timing === undefined ? '' : `; ${describeTiming(timing)}`}`,
    ...(rows.length === 0 ? [] : ['', '| allocation | node | state |', '| --- | --- | --- |', ...rows]),
  ].join('\n');
}

/** Renders what would change for the page of a CI job, as Markdown: a block of code, since values are no Markdown. */
export function summarizePlan(jobId: string, { changes, text }: { changes: boolean; text: string }): string {
  const lines = text.split('\n').map((line) => `    ${printable(line)}`);
  return [`### ${plain(jobId)}: ${changes ? 'would change' : 'stays as it is'}`, '', ...lines].join('\n');
}

/** Names are no Markdown: neither a link nor a picture of somebody else's. */
function plain(text: string): string {
  return printable(text).replace(/[\\`*_{}[\]<>#!|&~]/g, '\\$&');
}
