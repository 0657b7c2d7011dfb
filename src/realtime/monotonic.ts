/** `performance.now()` counts from the start of its own thread; this maps it to one clock for all threads. */

/** Readings of both clocks; the first ones are slow, and any may be interrupted. */
const ATTEMPTS = 16;

const originMs = calibrate();

/** Time on the machine's monotonic clock, comparable between threads and processes to some microseconds [ms]. Safe in the loop. */
export const monotonicMs = (): number => originMs + performance.now();

/** What to add to this thread's clock: from the pair of readings that lay closest together. */
function calibrate(): number {
  let shortestMs = Infinity;
  let origin = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const beforeMs = performance.now();
    const machineMs = Number(process.hrtime.bigint()) / 1e6;
    const afterMs = performance.now();
    if (afterMs - beforeMs >= shortestMs) continue;
    shortestMs = afterMs - beforeMs;
    origin = machineMs - (beforeMs + afterMs) / 2;
  }
  return origin;
}
