import type { Release } from '../../deploy/release/release-model.ts';
import { describeTiming } from '../../deploy/release/timing.ts';
import { exitCodes } from '../core/errors.ts';
import type { CommandResult } from './result.ts';

/** Makes the result of every command that brings a version up: the evaluation's id, or the Release. */
export function releaseResult(release: Release): CommandResult {
  return { text: release.evalId, json: release, summary: summarize(release), exitCode: exitCodes.done };
}

/** Renders a release for the page of a CI job, as Markdown. */
function summarize({ jobId, namespace, jobVersion, status, allocations, timing }: Release): string {
  const rows = allocations.map(({ name, node, status: state }) => `| ${name} | ${node} | ${state} |`);
  return [
    `### ${jobId}: version ${jobVersion} is ${status}`,
    '',
    `Namespace ${namespace}${timing === undefined ? '' : `; ${describeTiming(timing)}`}`,
    ...(rows.length === 0 ? [] : ['', '| allocation | node | state |', '| --- | --- | --- |', ...rows]),
  ].join('\n');
}
