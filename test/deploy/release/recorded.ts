import { readFileSync } from 'node:fs';
import { readJobState } from '../../../deploy/nomad/job-answer.ts';
import { readAllocations, readDeployments, readEvaluations } from '../../../deploy/nomad/nomad-answers.ts';
import { type PlanAnswer, readPlan } from '../../../deploy/nomad/plan-answer.ts';
import type { Snapshot } from '../../../deploy/release/snapshot.ts';

/** What a real Nomad answered while a job was deployed (recorded by test/stack/record-nomad.ts). */
export interface Recording {
  readonly plans: readonly PlanAnswer[];
  /** The state of the job after each answer, once every part of it has been answered. */
  readonly snapshots: readonly Snapshot[];
}

/** Reads a recording from test/fixtures/nomad. */
export function readRecording(name: string): Recording {
  const file = new URL(`../../fixtures/nomad/${name}.json`, import.meta.url);
  const records = JSON.parse(readFileSync(file, 'utf8')) as { part: string; answer: unknown }[];
  const plans: PlanAnswer[] = [];
  const snapshots: Snapshot[] = [];
  let parts: Partial<Snapshot> = {};
  for (const { part, answer } of records) {
    if (part === 'plan') plans.push(readPlan(answer));
    else parts = { ...parts, ...readPart(part, answer) };
    if (isWhole(parts) && part !== 'plan') snapshots.push(parts);
  }
  return { plans, snapshots };
}

function readPart(part: string, answer: unknown): Partial<Snapshot> {
  switch (part) {
    case 'job':
      return { job: readJobState(answer) };
    case 'evaluations':
      return { evaluations: readEvaluations(answer) };
    case 'deployments':
      return { deployments: readDeployments(answer) };
    case 'allocations':
      return { allocations: readAllocations(answer) };
    default:
      throw new Error(`no part ${part}`);
  }
}

function isWhole(parts: Partial<Snapshot>): parts is Snapshot {
  return (['job', 'evaluations', 'deployments', 'allocations'] as const).every((part) => part in parts);
}
