import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { renderDuration } from './duration.ts';
import { checkArtifacts } from './job-check/artifacts.ts';
import { checkExecTask } from './job-check/exec.ts';
import { checkGroupFeatures, checkJobFeatures, checkTaskFeatures } from './job-check/features.ts';
import { type Fields, fieldsOf, listOf, textOf } from './job-check/fields.ts';
import type { CheckFacts, Finding } from './job-check/finding.ts';

/**
 * Finds what is wrong with a job that Nomad's server would register all the same: what only a client finds out, when
 * every allocation has failed, and what a server that is too old drops in silence. Pure. `job` is as the API has it, from
 * Saddlebag or from anybody: keys that are not looked at are let be.
 */
export function checkJob(job: unknown, facts: CheckFacts): readonly Finding[] {
  const fields = fieldsOf(job);
  const version = facts.serverVersion;
  const runsToEnd = fields.Type === 'batch' || fields.Type === 'sysbatch';
  return [
    ...(version === null ? [] : checkJobFeatures(fields, version)),
    ...listOf(fields.TaskGroups).flatMap((group) => checkGroup(group, { ...facts, runsToEnd })),
  ];
}

function checkGroup(group: Fields, facts: CheckFacts & { readonly runsToEnd: boolean }): Finding[] {
  const version = facts.serverVersion;
  return [
    ...(version === null ? [] : checkGroupFeatures(group, version, `group "${textOf(group.Name)}"`)),
    ...listOf(group.Tasks).flatMap((task) => {
      const place = `task "${textOf(task.Name)}"`;
      return [
        ...(version === null ? [] : checkTaskFeatures(task, version, place)),
        ...(task.Driver === 'exec' ? checkExecTask(task, place, version) : []),
        ...checkArtifacts(task, place, facts),
        ...checkKillTimeout(task, place),
      ];
    }),
  ];
}

/** A client cuts what is longer than its own limit, and says nothing of it. */
function checkKillTimeout(task: Fields, place: string): Finding[] {
  const limitMs = 30_000;
  const timeoutMs = typeof task.KillTimeout === 'number' ? task.KillTimeout / 1_000_000 : 0;
  if (timeoutMs <= limitMs) return [];
  return [
    {
      kind: 'warning',
      code: 'kill-timeout-capped',
      place: `${place}: kill_timeout`,
      problem: `a client ends it after ${renderDuration(limitMs)}, unless its operator allows ${renderDuration(timeoutMs)}`,
      hint: 'raise max_kill_timeout of the clients, or do not rely on it',
    },
  ];
}

/** Reports the warnings among findings. */
export function reportWarnings(findings: readonly Finding[], { reporter }: Pick<Context, 'reporter'>): void {
  for (const finding of findings) {
    if (finding.kind === 'error') continue;
    const { code, place, problem, hint } = finding;
    reporter.report({ kind: 'warning', stage: 'deploy', code, message: `${place}: ${problem}`, hint });
  }
}

/**
 * Refuses a job for the errors among its findings, all at once.
 * @throws {SaddlebagError} `job-unfit`
 */
export function refuseUnfit(jobId: string, findings: readonly Finding[]): void {
  const errors = findings.filter(({ kind }) => kind === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const lines = errors.map(({ place, problem, hint }) =>
    errors.length === 1 ? ` ${place}: ${problem}` : `\n  ${place}: ${problem}; ${hint}`,
  );
  throw new SaddlebagError('job-unfit', `cannot submit job ${jobId}:${lines.join('')}`, {
    ...(errors.length === 1 ? { hint: first.hint } : {}),
    exitCode: exitCodes.usage,
  });
}
