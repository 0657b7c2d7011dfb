/**
 * When ticks begin: in real time against absolute deadlines, or one right after the other.
 *
 * A clock belongs to one thread and blocks it while waiting; it is not a scheduler and knows nothing of the work.
 */
export interface Clock {
  /** Whether ticks follow wall time. */
  readonly realTime: boolean;
  /** Deadlines that passed without a tick of their own since `start`. */
  readonly missed: number;
  /** The first tick is due now. */
  start(): void;
  /** Blocks until the next tick is due; returns how late it begins [ms]. Does not allocate. */
  waitForTick(): number;
}

/**
 * The last part of a wait is spun, as the kernel wakes sleepers late [ms].
 * Source: measured, p99 0.18 ms with this and SCHED_FIFO, 134 ms with timers on a busy thread (facts/inference.md).
 */
const SPIN_MS = 0.3;

/** Ticks at start + n periods. A tick that overruns whole periods skips them: catching up would rush the arms. */
export class RealTimeClock implements Clock {
  readonly realTime = true;
  readonly periodMs: number;
  missed = 0;
  #deadlineMs = 0;
  /** Never written: only a place to sleep on. */
  readonly #bed = new Int32Array(new SharedArrayBuffer(4));

  /** @param periodMs time between ticks [ms] */
  constructor(periodMs: number) {
    this.periodMs = periodMs;
  }

  start(): void {
    this.missed = 0;
    this.#deadlineMs = performance.now();
  }

  waitForTick(): number {
    const sleepMs = this.#deadlineMs - performance.now() - SPIN_MS;
    if (sleepMs > 0) Atomics.wait(this.#bed, 0, 0, sleepMs);
    let now = performance.now();
    while (now < this.#deadlineMs) now = performance.now();

    const lateMs = now - this.#deadlineMs;
    const skipped = Math.floor(lateMs / this.periodMs);
    this.missed += skipped;
    this.#deadlineMs += (skipped + 1) * this.periodMs;
    return lateMs;
  }
}

/** Ticks follow each other without waiting: simulation faster than life. Never late. */
export class FastClock implements Clock {
  readonly realTime = false;
  readonly missed = 0;
  start(): void {}
  waitForTick(): number {
    return 0;
  }
}
