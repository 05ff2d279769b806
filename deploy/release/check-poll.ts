import { setTimeout as delay } from 'node:timers/promises';
import type { Nomad } from '../nomad/nomad.ts';
import type { CheckResult, NomadAllocation } from '../nomad/nomad-answers.ts';
import { isUp } from './diagnosis.ts';
import { optional } from './investigation.ts';
import type { ChecksById } from './view.ts';

/** Clients tell of checks only when asked; no check runs more often than every second. */
const intervalMs = 2_000;
/** The others are in the same state, or soon will be. */
const askedAtOnce = 5;

/** Asks clients for the checks of allocations that run and are not yet healthy; asks nothing while there are none. */
export class CheckPoll {
  readonly #nomad: Nomad;
  readonly #onChange: (allocation: NomadAllocation, checks: readonly CheckResult[]) => void;
  readonly #checks = new Map<string, readonly CheckResult[]>();
  #undecided: readonly NomadAllocation[] = [];

  constructor(nomad: Nomad, onChange: (allocation: NomadAllocation, checks: readonly CheckResult[]) => void) {
    this.#nomad = nomad;
    this.#onChange = onChange;
  }

  get checks(): ChecksById {
    return this.#checks;
  }

  /** Says which allocations there are now. */
  see(allocations: readonly NomadAllocation[]): void {
    this.#undecided = allocations
      .filter((one) => one.isHealthy === null && one.desiredStatus === 'run' && isUp(one))
      .slice(0, askedAtOnce);
  }

  /** Goes on until `signal`; what a client does not answer is passed over. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await delay(intervalMs, undefined, { signal });
        await Promise.all(this.#undecided.map((allocation) => this.#ask(allocation, signal)));
      }
    } catch (cause) {
      if (!signal.aborted) throw cause;
    }
  }

  async #ask(allocation: NomadAllocation, signal: AbortSignal): Promise<void> {
    const checks = await optional(this.#nomad.readChecks(allocation.id));
    if (checks === null || signal.aborted) return;
    const before = JSON.stringify(this.#checks.get(allocation.id) ?? []);
    this.#checks.set(allocation.id, checks);
    if (JSON.stringify(checks) !== before) this.#onChange(allocation, checks);
  }
}
