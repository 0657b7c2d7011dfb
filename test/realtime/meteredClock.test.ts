import { expect, it } from 'vitest';
import { MeteredClock } from '#alohad/realtime/meteredClock.js';
import type { Clock } from '#alohad/realtime/clock.js';

it('counts lateness, work and missed ticks over several starts', () => {
  let missed = 0;
  const inner: Clock = {
    realTime: true,
    get missed() {
      return missed;
    },
    start: () => {
      missed = 0;
    },
    waitForTick: () => {
      missed += 1;
      return 2;
    },
  };
  const clock = new MeteredClock(inner);
  for (let episode = 0; episode < 3; episode++) {
    clock.start();
    for (let tick = 0; tick < 4; tick++) clock.waitForTick();
  }
  expect(clock.ticks).toBe(12);
  expect(clock.allMissed).toBe(12);
  expect(clock.late.summary()).toMatchObject({ count: 12, maxMs: 2 });
  // The pause between episodes is nobody's work.
  expect(clock.busy.summary().count).toBe(9);
});

it('takes no wait that was ended for a tick', () => {
  const clock = new MeteredClock({ realTime: true, missed: 0, start: () => {}, waitForTick: () => 0 });
  clock.start();
  clock.waitForTick();
  clock.waitForTick({ aborted: true });
  clock.waitForTick();
  expect(clock.ticks).toBe(2);
  expect(clock.late.summary().count).toBe(2);
  // Of the tick before; what follows the stop is nobody's work.
  expect(clock.busy.summary().count).toBe(1);
});
