import { setTimeout as delay } from 'node:timers/promises';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Reporter } from '../../src/core/reporter.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { CheckResult, NomadAllocation } from '../nomad/nomad-answers.ts';
import { adviseOn, explainAllocation, failedTask, isUp, linesOf, shortId } from './diagnosis.ts';
import { failuresOf } from './early-failure.ts';
import { lastWords } from './last-words.ts';

/** A crash is news at once; what the task wrote reaches its log file a moment later. */
const logTries = 4;
const logPauseMs = 250;
const shownLines = 20;

/** What is asked about an allocation that failed. */
type LogReader = Pick<Nomad, 'readChecks' | 'readLog'>;

/** Finds out, and tells once, why an allocation failed; keeps the answer for when Nomad has forgotten it. */
export class Investigation {
  readonly #nomad: LogReader;
  readonly #reporter: Reporter;
  readonly #signal: AbortSignal;
  readonly #told = new Set<string>();
  #log: readonly string[] = [];
  #explanation: string | null = null;
  #advice: string | null = null;
  #isTold = false;

  constructor(nomad: LogReader, reporter: Reporter, signal: AbortSignal) {
    this.#nomad = nomad;
    this.#reporter = reporter;
    this.#signal = signal;
  }

  /** Why the version failed, in one clause with the last words; null while nothing is known to have. */
  get explanation(): string | null {
    return this.#explanation;
  }

  /** What to do about it; null where nothing is known. */
  get advice(): string | null {
    return this.#advice;
  }

  /** Tells of the first failure among allocations, while Nomad still tries again. */
  async noteFirst(allocations: readonly NomadAllocation[]): Promise<void> {
    if (this.#told.size > 0) return;
    const first = allocations.find(({ tasks }) => tasks.some((task) => failuresOf(task).length > 0));
    if (first !== undefined) await this.explain(first);
  }

  /** Explains why an allocation failed; the same allocation again only adds what became of it. */
  async explain(culprit: NomadAllocation): Promise<void> {
    const isNews = !this.#told.has(culprit.id);
    this.#told.add(culprit.id);
    const checks = isUp(culprit) ? await optional(this.#nomad.readChecks(culprit.id)) : null;
    if (isNews || this.#log.length === 0) this.#log = await this.#readLog(culprit);
    const shown = this.#log.slice(-shownLines);
    const clause = explainAllocation(culprit, { checks: checks ?? [], log: shown });
    const words = this.#isSilent(culprit, checks ?? []) ? undefined : lastWords(this.#log);
    this.#explanation = words === undefined ? clause : `${clause}, its last words: ${words}`;
    this.#advice = adviseOn(culprit);
    if (!isNews) return;
    this.#report('step', `allocation ${shortId(culprit.id)} fails: ${clause}`);
    // A long stack trace leaves no room for what it is about.
    if (words !== undefined && !shown.some((line) => line.trim() === words)) this.#report('detail', words);
    for (const line of shown) this.#report('detail', line);
  }

  /** A task that runs has said nothing of why: unless it runs again, and what is told is how it ended before. */
  #isSilent(culprit: NomadAllocation, checks: readonly CheckResult[]): boolean {
    const task = failedTask(culprit);
    const hasEnded = task !== undefined && failuresOf(task).length > 0;
    return isUp(culprit) && (!hasEnded || checks.some(({ status }) => status === 'failure'));
  }

  async #readLog(culprit: NomadAllocation): Promise<string[]> {
    const task = failedTask(culprit);
    if (task === undefined || !task.events.some(({ type }) => type === 'Started')) return [];
    for (let tried = 1; ; tried += 1) {
      for (const stream of ['stderr', 'stdout'] as const) {
        const request = { allocationId: culprit.id, task: task.name, stream, maxBytes: 16_384 };
        const lines = linesOf((await this.#allowed(this.#nomad.readLog(request))) ?? '');
        if (lines.length > 0) return lines;
      }
      if (tried === logTries) return [];
      await delay(logPauseMs, undefined, { signal: this.#signal });
    }
  }

  /** As `optional`, but what the token may not do is said: the log may be all that there is to know. */
  async #allowed<T>(answer: Promise<T>): Promise<T | null> {
    return optional(answer, ({ message, hint }) => {
      if (!this.#isTold) this.#report('detail', `${message}${hint === undefined ? '' : ` (${hint})`}`);
      this.#isTold = true;
    });
  }

  #report(kind: 'step' | 'detail', message: string): void {
    this.#reporter.report({ kind, stage: 'deploy', message });
  }
}

/** Waits for what is a help but not the result: where Nomad refuses it, it is null, and `onForbidden` hears of it. */
export async function optional<T>(
  answer: Promise<T>,
  onForbidden?: (refusal: SaddlebagError) => void,
): Promise<T | null> {
  try {
    return await answer;
  } catch (cause) {
    if (!(cause instanceof SaddlebagError)) throw cause;
    if (cause.code === 'nomad-forbidden') onForbidden?.(cause);
    return null;
  }
}
