import {
  type GroupSettings,
  isOnEveryNode,
  type JobType,
  type ParameterizedSettings,
  type PeriodicSettings,
  type RescheduleSettings,
  type RestartSettings,
  type UpdateSettings,
} from '../job-settings.ts';
import type { SettingsReader } from './reader.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Reads `update`; null for jobs that run to an end, of which Nomad refuses it. */
export function readUpdate(
  body: SettingsReader,
  type: JobType,
  groups: readonly GroupSettings[],
): UpdateSettings | null {
  const block = body.block('update');
  if (runsToEnd(type)) {
    for (const key of block?.keys() ?? []) block?.problem(key, `a ${type} job is not updated step by step`);
    return null;
  }
  const update = {
    maxParallel: block?.number('max_parallel', { min: 1, max: 100_000 }) ?? 1,
    canary: block?.number('canary', { min: 0, max: 100_000 }) ?? 0,
    minHealthyTimeMs: block?.duration('min_healthy_time') ?? defaultMinHealthyTimeMs(groups),
    healthyDeadlineMs: block?.duration('healthy_deadline') ?? 5 * minute,
    progressDeadlineMs: block?.duration('progress_deadline') ?? 10 * minute,
    autoRevert: block?.flag('auto_revert') ?? true,
    autoPromote: block?.flag('auto_promote') ?? false,
  };
  const { minHealthyTimeMs, healthyDeadlineMs, progressDeadlineMs } = update;
  // A progress deadline of 0 fails the deployment with its first unhealthy allocation.
  const isTooLate = progressDeadlineMs !== 0 && healthyDeadlineMs >= progressDeadlineMs;
  if (minHealthyTimeMs >= healthyDeadlineMs || isTooLate) {
    body.problems.add(
      [...body.path, 'update', 'healthy_deadline'],
      'expected min_healthy_time < healthy_deadline < progress_deadline',
    );
  }
  if (update.autoPromote && update.canary === 0) {
    block?.problem('auto_promote', 'it promotes canaries, and there are none: give canary too');
  }
  block?.end();
  return update;
}

/**
 * An app that answers a request has said itself that it is up; of one that only runs, or whose port is open, time tells.
 */
function defaultMinHealthyTimeMs(groups: readonly GroupSettings[]): number {
  return groups.every(isAsked) ? second / 2 : 5 * second;
}

function isAsked({ services }: GroupSettings): boolean {
  return services.some(({ checks }) => checks.some(({ type }) => type !== 'tcp'));
}

/** Whether a job's tasks are meant to end. */
function runsToEnd(type: JobType): boolean {
  return type === 'batch' || type === 'sysbatch';
}

/** Reads `restart`. */
export function readRestart(body: SettingsReader): RestartSettings {
  const block = body.block('restart');
  // Three starts in quick succession: a version that cannot start is known after 15 s, not after minutes.
  const restart = {
    attempts: block?.number('attempts', { min: 0, max: 1_000 }) ?? 2,
    intervalMs: block?.duration('interval') ?? 5 * minute,
    delayMs: block?.duration('delay') ?? 5 * second,
    mode: block?.oneOf('mode', ['fail', 'delay']) ?? 'fail',
  } as const;
  if (restart.mode === 'delay' && restart.attempts === 0) {
    block?.problem('mode', 'delay waits after attempts, and there are none: take fail');
  }
  if (restart.intervalMs < 5 * second) block?.problem('interval', 'expected at least 5s');
  if (restart.attempts * restart.delayMs > restart.intervalMs) {
    block?.problem('interval', `${restart.attempts} delays are longer than the interval`);
  }
  block?.end();
  return restart;
}

/** Reads `reschedule`; null for jobs that run on every node, which are never tried on another. */
export function readReschedule(body: SettingsReader, type: JobType): RescheduleSettings | null {
  const block = body.block('reschedule');
  if (isOnEveryNode(type)) {
    if (block !== null) body.problem('reschedule', `a ${type} job has no other node to go to`);
    return null;
  }
  const byDefault = type === 'service' ? serviceReschedule : batchReschedule;
  if (block === null) return byDefault;
  const policy = readPolicy(block, byDefault, type);
  if (policy.unlimited && block.has('attempts')) block.problem('attempts', 'unlimited = true has none');
  if (policy.delayMs < 5 * second) block.problem('delay', 'expected at least 5s');
  if (!policy.unlimited && policy.attempts !== 0 && (policy.intervalMs ?? 0) < 15 * second) {
    block.problem('interval', 'expected at least 15s');
  }
  block.end();
  return policy;
}

// A service is tried again for ever, ever more seldom; a batch task once, which may have had its effects already.
const serviceReschedule: RescheduleSettings = {
  attempts: null,
  intervalMs: null,
  delayMs: 30 * second,
  delayFunction: 'exponential',
  maxDelayMs: 10 * minute,
  unlimited: true,
};
const batchReschedule: RescheduleSettings = {
  attempts: 1,
  intervalMs: 24 * hour,
  delayMs: 5 * second,
  delayFunction: 'constant',
  maxDelayMs: null,
  unlimited: false,
};

function readPolicy(block: SettingsReader, byDefault: RescheduleSettings, type: JobType): RescheduleSettings {
  const attempts = block.number('attempts', { min: 0, max: 1_000 });
  const unlimited = block.flag('unlimited') ?? (attempts === null && byDefault.unlimited);
  const delayFunction =
    block.oneOf('delay_function', ['constant', 'exponential', 'fibonacci']) ?? byDefault.delayFunction;
  const [intervalMs, maxDelayMs] = [block.duration('interval'), block.duration('max_delay')];
  return {
    // Nomad gives a batch job an attempt that nobody asked for, and then refuses it beside `unlimited`.
    attempts: unlimited ? (type === 'batch' ? 0 : null) : (attempts ?? 1),
    intervalMs: unlimited ? null : (intervalMs ?? 24 * hour),
    delayMs: block.duration('delay') ?? byDefault.delayMs,
    delayFunction,
    maxDelayMs: delayFunction === 'constant' ? null : (maxDelayMs ?? hour),
    unlimited,
  };
}

/** Reads `periodic`: batch jobs only. */
export function readPeriodic(body: SettingsReader, type: JobType): PeriodicSettings | null {
  const block = body.block('periodic');
  if (block === null) return null;
  refuseRunningFor(body, 'periodic', type);
  const crons = block.texts('crons', cronForm) ?? [];
  if (crons.length === 0 && !block.has('crons'))
    block.problem('crons', 'expected when it runs: ["0 3 * * *"]');
  const timeZone = block.text('time_zone');
  if (timeZone !== null && !isTimeZone(timeZone)) {
    block.problem('time_zone', `expected a name like Europe/Berlin, got "${timeZone}"`);
  }
  const periodic = { crons, timeZone, prohibitOverlap: block.flag('prohibit_overlap') ?? false };
  block.end();
  return periodic;
}

/** Reads `parameterized`: batch jobs only. */
export function readParameterized(body: SettingsReader, type: JobType): ParameterizedSettings | null {
  const block = body.block('parameterized');
  if (block === null) return null;
  refuseRunningFor(body, 'parameterized', type);
  const parameterized = {
    payload: block.oneOf('payload', ['optional', 'required', 'forbidden']),
    metaRequired: block.texts('meta_required', metaForm) ?? [],
    metaOptional: block.texts('meta_optional', metaForm) ?? [],
  };
  const both = parameterized.metaRequired.filter((name) => parameterized.metaOptional.includes(name));
  if (both.length > 0) block.problem('meta_optional', `${both.join(', ')}: required as well`);
  block.end();
  return parameterized;
}

function refuseRunningFor(body: SettingsReader, key: string, type: JobType): void {
  if (!runsToEnd(type))
    body.problem(key, `a ${type} job runs all the time: type batch or sysbatch can have it`);
}

// Nomad's parser takes seconds and years too, and names like @daily.
const cronForm = {
  pattern: /^(?:@[a-z]+|\S+(?:\s+\S+){4,6})$/,
  expected: 'five fields of cron, or @daily and its like',
};
const metaForm = { pattern: /^[0-9A-Za-z_.-]{1,128}$/, expected: 'letters, digits and any of . _ -' };

function isTimeZone(name: string): boolean {
  if (name === 'Local') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
