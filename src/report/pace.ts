/** How fast work goes. */
export interface Rate {
  readonly bytesPerSecond: number;
  /** Until it is done, if it goes on like this. */
  readonly leftMs: number;
}

/** Where the work stood at some time. */
interface Sample {
  readonly atMs: number;
  readonly doneBytes: number;
}

/** Long enough to even out what comes in bursts, short enough to follow a line that changes. */
const windowMs = 10_000;
/** Before that, any figure would jump. */
const leastMs = 1_000;
const sampleEveryMs = 250;

/**
 * Measures the rate of one piece of work after another by how far it has come in the last ten seconds. What was done
 * when it began, as of an upload that is gone on with, does not count.
 */
export class Pace {
  #work = '';
  #samples: Sample[] = [];

  /** Takes where the work stands; undefined while there is too little to tell by. `atMs` grows from call to call. */
  at(
    atMs: number,
    event: { readonly stage: string; readonly doneBytes: number; readonly totalBytes: number },
  ): Rate | undefined {
    const { stage, doneBytes, totalBytes } = event;
    const work = `${stage} ${totalBytes}`;
    const last = this.#samples.at(-1);
    if (work !== this.#work || (last !== undefined && doneBytes < last.doneBytes)) {
      this.#work = work;
      this.#samples = [];
    }
    if (this.#samples.length === 0 || atMs - (this.#samples.at(-1)?.atMs ?? 0) >= sampleEveryMs) {
      this.#samples.push({ atMs, doneBytes });
    }
    const oldest = this.#samples.findIndex((sample) => atMs - sample.atMs <= windowMs);
    if (oldest > 1) this.#samples.splice(0, oldest - 1);
    const from = this.#samples[0];
    if (from === undefined || atMs - from.atMs < leastMs || doneBytes <= from.doneBytes) return undefined;
    const bytesPerSecond = ((doneBytes - from.doneBytes) * 1000) / (atMs - from.atMs);
    return { bytesPerSecond, leftMs: ((totalBytes - doneBytes) * 1000) / bytesPerSecond };
  }
}
