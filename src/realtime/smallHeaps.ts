/**
 * Keeps the heaps of a process that runs for weeks near what they hold.
 *
 * V8 collects an old generation only once it has grown up to fourfold, more on machines with much memory, and lets the
 * young one of a thread with a busy start-up take 32 MB, now or half an hour later. In a daemon of five threads, of
 * which each keeps little for long, that looks like a leak. Collected when they have grown by 8 MB, which is the least
 * that V8 waits for, old generations take a few milliseconds every ten minutes. Measured in test/bench/soak.js.
 */
import { setFlagsFromString } from 'node:v8';

/** By how much an old generation, and what it holds outside of the heap, grows before it is collected. */
const GROWTH_PERCENT = 15;
/** Of each half of the young generation [MB]: a control thread allocates 1 MB a second. */
const YOUNG_HALF_MB = 2;

/** Holds for the whole process, the young generation only in threads that are started later. */
export function keepHeapsSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
  setFlagsFromString(`--max-semi-space-size=${YOUNG_HALF_MB}`);
}
