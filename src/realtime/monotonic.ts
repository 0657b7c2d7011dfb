/** `performance.now()` counts from the start of its own thread; this maps it to one clock for all threads. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Time on the machine's monotonic clock, comparable between threads and processes [ms]. Safe in the loop. */
export const monotonicMs = (): number => originMs + performance.now();
