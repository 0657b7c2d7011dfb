/** A clock that keeps count over many episodes: how late ticks began, how long their work took, what was missed. */
import type { Clock, StopSignal } from './clock.js';
import { TimingHistogram } from './timingHistogram.js';

export class MeteredClock implements Clock {
  readonly realTime: boolean;
  readonly late = new TimingHistogram();
  /** From the beginning of a tick to the wait for the next. */
  readonly busy = new TimingHistogram();
  ticks = 0;
  readonly #clock: Clock;
  #missedBefore = 0;
  #beganMs = Number.NaN;

  constructor(clock: Clock) {
    this.realTime = clock.realTime;
    this.#clock = clock;
  }

  /** Since the last `start`. */
  get missed(): number {
    return this.#clock.missed;
  }

  /** Since this clock was made. */
  get allMissed(): number {
    return this.#missedBefore + this.#clock.missed;
  }

  start(): void {
    this.#missedBefore += this.#clock.missed;
    this.#beganMs = Number.NaN;
    this.#clock.start();
  }

  waitForTick(until?: StopSignal): number {
    if (!Number.isNaN(this.#beganMs)) this.busy.record(performance.now() - this.#beganMs);
    const lateMs = this.#clock.waitForTick(until);
    if (until?.aborted) {
      this.#beganMs = Number.NaN;
      return lateMs;
    }
    this.#beganMs = performance.now();
    this.late.record(lateMs);
    this.ticks += 1;
    return lateMs;
  }
}
