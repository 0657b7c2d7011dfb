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
  /**
   * Blocks until the next tick is due; returns how late it begins [ms]. Does not allocate.
   * @param until when it is aborted nothing is due any more: returns 0, at once where the clock can be woken
   */
  waitForTick(until?: StopSignal): number;
}

/** An AbortSignal, or anything that can be asked as often and as fast. */
export interface StopSignal {
  readonly aborted: boolean;
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
  readonly #bed: Int32Array;

  /**
   * @param periodMs time between ticks [ms]
   * @param bed one word of shared memory to sleep on: another thread that changes and notifies it has this one look
   *   whether it is still to wait
   */
  constructor(periodMs: number, bed: Int32Array = new Int32Array(new SharedArrayBuffer(4))) {
    this.periodMs = periodMs;
    this.#bed = bed;
  }

  start(): void {
    this.missed = 0;
    this.#deadlineMs = performance.now();
  }

  waitForTick(until?: StopSignal): number {
    for (;;) {
      const calls = Atomics.load(this.#bed, 0);
      if (until?.aborted) return 0;
      const sleepMs = this.#deadlineMs - performance.now() - SPIN_MS;
      if (sleepMs <= 0 || Atomics.wait(this.#bed, 0, calls, sleepMs) === 'timed-out') break;
    }
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
