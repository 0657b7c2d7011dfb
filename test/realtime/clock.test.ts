import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { FastClock, RealTimeClock } from '#alohad/realtime/clock.js';

function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('RealTimeClock', () => {
  it('begins no tick early, and lateness is measured against absolute deadlines', () => {
    const clock = new RealTimeClock(5);
    clock.start();
    const startMs = performance.now();
    let deadlines = 0;
    for (let tick = 0; tick < 30; tick++) {
      const lateMs = clock.waitForTick();
      const nowMs = performance.now();
      expect(lateMs).toBeGreaterThanOrEqual(0);
      // What it says is late is where it is, up to the time between the two readings.
      expect(nowMs - startMs - 5 * deadlines).toBeGreaterThanOrEqual(lateMs - 0.5);
      deadlines = tick + 1 + clock.missed;
      work(tick % 3);
    }
  });

  it('does not drift: work inside a tick does not move the next one', () => {
    const clock = new RealTimeClock(4);
    clock.start();
    const beganMs = performance.now();
    let leastMs = Infinity;
    for (let tick = 0; tick < 51; tick++) {
      const lateMs = clock.waitForTick();
      const elapsedMs = performance.now() - beganMs;
      // Relative waits would be 1 ms further off with every tick. The least of the last ones is free of interruptions.
      const offMs = elapsedMs - lateMs - 4 * (tick + clock.missed) + 4 * Math.floor(lateMs / 4);
      if (tick > 40) leastMs = Math.min(leastMs, offMs);
      work(1);
    }
    expect(Math.abs(leastMs)).toBeLessThan(1);
  });

  it('counts the deadlines that a long tick overran and goes on at the next one', () => {
    const clock = new RealTimeClock(10);
    clock.start();
    clock.waitForTick();
    work(34);
    const lateMs = clock.waitForTick();
    expect(lateMs).toBeGreaterThanOrEqual(24);
    expect(clock.missed).toBe(Math.floor(lateMs / 10));
    clock.start();
    expect(clock.missed).toBe(0);
  });
});

describe('RealTimeClock on a shared bed', () => {
  it('wakes at once for a stop, waits on when called for anything else, and keeps its deadlines', async () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    // Called after 50 ms for nothing, after 100 ms to stop; its answers tell when.
    const caller = new Worker(
      `const { workerData: words } = require('node:worker_threads');
       const nap = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
       const call = () => { Atomics.add(words, 1, 1); Atomics.notify(words, 1); };
       Atomics.wait(words, 1, 0);
       nap(50); call(); nap(50); Atomics.store(words, 0, 1); call();`,
      { eval: true, workerData: words },
    );
    await new Promise((resolve) => caller.once('online', resolve));
    const clock = new RealTimeClock(1000, words.subarray(1));
    const until = {
      get aborted() {
        return Atomics.load(words, 0) === 1;
      },
    };
    clock.start();
    clock.waitForTick(until);
    Atomics.add(words, 1, 1);
    Atomics.notify(words, 1);
    const beganMs = performance.now();
    expect(clock.waitForTick(until)).toBe(0);
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(95);
    expect(tookMs).toBeLessThan(900);
    expect(clock.missed).toBe(0);
    // Nobody asks it to stop any more: the tick that was due then still is.
    expect(clock.waitForTick()).toBeLessThan(500);
    expect(performance.now() - beganMs).toBeGreaterThan(900);
    await caller.terminate();
  });
});

describe('FastClock', () => {
  it('never waits and is never late', () => {
    const clock = new FastClock();
    clock.start();
    const beganMs = performance.now();
    for (let tick = 0; tick < 10_000; tick++) expect(clock.waitForTick()).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(2000);
    expect(clock.missed).toBe(0);
  });
});
