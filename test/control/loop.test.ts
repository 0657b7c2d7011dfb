import { describe, expect, it } from 'vitest';
import { UnsafeActionError } from '#alohad/contract/errors.js';
import { DOF } from '#alohad/contract/robot.js';
import { run } from '#alohad/control/loop.js';
import { FastClock, RealTimeClock } from '#alohad/realtime/clock.js';
import type { ActionSource } from '#alohad/contract/policy.js';
import type { Observation } from '#alohad/contract/robot.js';
import type { Step } from '#alohad/contract/step.js';
import type { Judge } from '#alohad/contract/task.js';
import { activeFakeRobot } from './fakeRobot.js';

function sourceOf(decide: (observation: Observation) => Float64Array | undefined): ActionSource {
  return { name: 'test', reset() {}, decide, close: async () => {} };
}
const still = sourceOf((observation) => observation.qpos);

function judgeOf(rewards: readonly number[]): Judge {
  let tick = 0;
  return { task: 'insertion', maxReward: 4, reward: () => rewards[tick++] ?? 0 };
}

describe('run', () => {
  it('observes, decides, applies and tells, in this order, once per tick', async () => {
    const robot = await activeFakeRobot();
    const source = sourceOf((observation) => {
      robot.calls.push('decide');
      return observation.qpos;
    });
    const listeners = [{ onStep: () => void robot.calls.push('tell') }];
    await run({ robot, source, clock: new FastClock(), steps: 3, listeners });
    const tick = ['observe', 'decide', 'command', 'tell'];
    expect(robot.calls.slice(1)).toEqual([...tick, ...tick, ...tick, 'hold']);
  });

  it('tells the observation before the action, both goals and the reward after it', async () => {
    const robot = await activeFakeRobot();
    const source = sourceOf(({ qpos }) => qpos.map((position) => position + 1));
    const told: Step[] = [];
    const listener = { onStep: (step: Step) => void told.push(structuredClone(step)) };
    const start = robot.observe().qpos.slice();
    const judge = judgeOf([1, 3]);
    await run({ robot, source, judge, clock: new FastClock(), steps: 2, listeners: [listener] });
    expect(told.map((step) => step.observation.step)).toEqual([0, 1]);
    expect(told.map((step) => step.reward)).toEqual([1, 3]);
    expect(told[0]!.observation.qpos).toEqual(start);
    expect(told[0]!.action).toEqual(start.map((position) => position + 1));
    expect(told[0]!.goal).toEqual(robot.goals[0]);
    expect(told[0]!.goal).not.toEqual(told[0]!.action);
  });

  it('reports highest and last reward, success and clamped ticks', async () => {
    const robot = await activeFakeRobot();
    const judge = judgeOf([0, 2, 4, 3]);
    const source = sourceOf(({ qpos }) => qpos.with(1, 3));
    const outcome = await run({ robot, source, judge, clock: new FastClock(), steps: 4 });
    expect(outcome).toMatchObject({
      steps: 4,
      maxReward: 4,
      finalReward: 3,
      success: true,
      interrupted: false,
    });
    expect(outcome.clampedTicks).toEqual(Array.from({ length: DOF }, (_, joint) => (joint === 1 ? 4 : 0)));
    expect(outcome.timing.busy.count).toBe(4);
  });

  it('never succeeds unjudged', async () => {
    const robot = await activeFakeRobot();
    const outcome = await run({ robot, source: still, clock: new FastClock(), steps: 2 });
    expect(outcome).toMatchObject({ success: false, maxReward: 0 });
  });

  it('holds and lets time go on while there is no action', async () => {
    const robot = await activeFakeRobot();
    const start = robot.observe().qpos.slice();
    const outcome = await run({ robot, source: sourceOf(() => undefined), clock: new FastClock(), steps: 3 });
    expect(outcome.steps).toBe(3);
    expect(robot.goals).toEqual([start, start, start]);
  });

  it('holds and stops at the first NaN; the NaN reaches no motor', async () => {
    const robot = await activeFakeRobot();
    const source = sourceOf(({ step, qpos }) => (step < 2 ? qpos : qpos.with(13, Number.NaN)));
    const episode = run({ robot, source, clock: new FastClock(), steps: 10 });
    await expect(episode).rejects.toThrow(UnsafeActionError);
    await expect(episode).rejects.toThrow('right_gripper is NaN');
    expect(robot.goals).toHaveLength(2);
    expect(robot.calls.at(-1)).toBe('hold');
  });

  it('holds when the source fails, and passes its error on', async () => {
    const robot = await activeFakeRobot();
    const source = sourceOf(({ step, qpos }) => {
      if (step === 1) throw new Error('policy died');
      return qpos;
    });
    await expect(run({ robot, source, clock: new FastClock(), steps: 5 })).rejects.toThrow('policy died');
    expect(robot.calls.at(-1)).toBe('hold');
  });

  it('detaches a listener that throws, reports it and goes on telling the others', async () => {
    const robot = await activeFakeRobot();
    const told = [0, 0, 0];
    const bad = {
      onStep(): void {
        told[1]!++;
        throw new Error('disk full');
      },
    };
    const listeners = [{ onStep: () => void told[0]!++ }, bad, { onStep: () => void told[2]!++ }];
    const reports: unknown[] = [];
    const onListenerError = (listener: unknown, error: unknown): void => void reports.push(listener, error);
    const outcome = await run({
      robot,
      source: still,
      clock: new FastClock(),
      steps: 4,
      listeners,
      onListenerError,
    });
    expect(outcome.steps).toBe(4);
    expect(told).toEqual([4, 1, 4]);
    expect(reports).toEqual([bad, new Error('disk full')]);
  });

  it('ends at the signal with the arms holding', async () => {
    const robot = await activeFakeRobot();
    const stop = new AbortController();
    const source = sourceOf(({ step, qpos }) => {
      if (step === 2) stop.abort();
      return qpos;
    });
    const outcome = await run({ robot, source, clock: new FastClock(), steps: 10, signal: stop.signal });
    expect(outcome).toMatchObject({ interrupted: true, steps: 3 });
    expect(robot.calls.at(-1)).toBe('hold');
  });

  it('sees a signal that arrives as an event, in the middle of a fast episode', async () => {
    const robot = await activeFakeRobot();
    const signal = AbortSignal.timeout(80);
    const clock = new FastClock();
    const outcome = await run({ robot, source: still, clock, steps: 50_000_000, signal });
    expect(outcome.interrupted).toBe(true);
  });

  it('keeps real time and counts what it missed', async () => {
    const robot = await activeFakeRobot();
    const source = sourceOf(({ step, qpos }) => {
      const until = performance.now() + (step === 5 ? 35 : 1);
      while (performance.now() < until);
      return qpos;
    });
    const beganMs = performance.now();
    const outcome = await run({ robot, source, clock: new RealTimeClock(10), steps: 20 });
    const tookMs = performance.now() - beganMs;
    expect(outcome.timing.missed).toBeGreaterThanOrEqual(2);
    expect(tookMs).toBeGreaterThan(10 * (19 + outcome.timing.missed));
    expect(outcome.timing.late.count).toBe(20);
    expect(outcome.timing.busy.maxMs).toBeGreaterThanOrEqual(35);
  });

  it('lets its thread see messages in every tick of a robot that hears by them', async () => {
    const fake = await activeFakeRobot();
    const robot = Object.assign(fake, { hearsThread: true });
    let breaths = 0;
    const breathe = (): void => {
      breaths++;
      next = setImmediate(breathe);
    };
    let next = setImmediate(breathe);
    await run({ robot, source: still, clock: new FastClock(), steps: 20 });
    clearImmediate(next);
    expect(breaths).toBeGreaterThanOrEqual(19);
  });
});
