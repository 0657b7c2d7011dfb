/** Turns times of the daemon's monotonic clock into stamps of the wall clock, from when the messages came. */
import type { RosTime } from './rosPort.js';

/** A wall clock that was set, or a daemon that was restarted, moves the two clocks apart by more than a delay does [ms]. */
const JUMP_MS = 1000;

export class StampClock {
  /** Wall minus monotonic [ms]: the least ever seen is the one of the message that was delayed least. */
  #offsetMs = Number.POSITIVE_INFINITY;

  /** The stamp of what was measured at `timeMs` and came at `wallMs`. */
  stamp(timeMs: number, wallMs: number): RosTime {
    const offset = wallMs - timeMs;
    if (offset < this.#offsetMs || offset > this.#offsetMs + JUMP_MS) this.#offsetMs = offset;
    const ms = timeMs + this.#offsetMs;
    const sec = Math.floor(ms / 1000);
    return { sec, nanosec: Math.floor((ms - sec * 1000) * 1e6) };
  }
}
