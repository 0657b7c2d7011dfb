import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnsafeActionError } from '#alohad/contract/errors.js';
import { ALOHA_LIMITS, Limits } from '#alohad/control/limits.js';
import { CONTROL_PERIOD_S, DOF, JOINT_NAMES } from '#alohad/contract/robot.js';
import { activeFakeRobot } from './fakeRobot.js';

const wildAction = fc
  .array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: DOF, maxLength: DOF })
  .map((values) => Float64Array.from(values));

describe('Limits', () => {
  it('lets no goal leave the range, outrun the joint or lead the arm too far', async () => {
    const robot = await activeFakeRobot();
    fc.assert(
      fc.property(fc.array(wildAction, { minLength: 1, maxLength: 30 }), (actions) => {
        const limits = new Limits();
        limits.reset();
        let last: Float64Array = robot.observe().qpos.slice();
        for (const action of actions) {
          const observation = robot.observe();
          const measured = observation.qpos.slice();
          limits.send(robot, observation, action);
          const goal = robot.goals.at(-1)!;
          for (const [joint, limit] of ALOHA_LIMITS.entries()) {
            const slack = 1e-9;
            expect(goal[joint]!).toBeGreaterThanOrEqual(limit.min);
            expect(goal[joint]!).toBeLessThanOrEqual(limit.max);
            expect(Math.abs(goal[joint]! - last[joint]!)).toBeLessThanOrEqual(
              limit.speed * CONTROL_PERIOD_S + slack,
            );
            expect(Math.abs(goal[joint]! - measured[joint]!)).toBeLessThanOrEqual(limit.lead + slack);
          }
          last = goal;
        }
      }),
      { numRuns: 50 },
    );
  });

  it('slows every joint, grippers too, from the next goal on', async () => {
    const robot = await activeFakeRobot();
    const limits = new Limits();
    const qpos = robot.observe().qpos.slice();
    const standing = { ...robot.observe(), qpos };
    const far = qpos.map((position) => position - 0.5);
    const firstSteps = (velocityRadPerS: number): Float64Array => {
      limits.velocityRadPerS = velocityRadPerS;
      limits.reset();
      return limits.send(robot, standing, far).map((goal, joint) => Math.abs(goal - qpos[joint]!));
    };
    const full = firstSteps(Math.PI);
    const slow = firstSteps(Math.PI / 10);
    expect(full[0]).toBeCloseTo(Math.PI * CONTROL_PERIOD_S, 9);
    for (const [joint, step] of slow.entries()) expect(step).toBeCloseTo(full[joint]! / 10, 9);
    expect(firstSteps(100)).toEqual(full);
  });

  it('brings an arm that stands outside of its range back without a jump', async () => {
    const robot = await activeFakeRobot();
    const limits = new Limits();
    const { min, speed } = ALOHA_LIMITS[1]!;
    const observation = robot.observe();
    const outside = observation.qpos.slice();
    // Where Interbotix's sleep pose has the shoulder.
    outside[1] = -2.05;
    let last = outside[1];
    for (let tick = 0; tick < 10; tick++) {
      const qpos = outside.slice();
      qpos[1] = last;
      const goal = limits.send(robot, { ...observation, qpos }, outside)[1]!;
      expect(goal).toBeGreaterThanOrEqual(last);
      expect(goal - last).toBeLessThanOrEqual(speed * CONTROL_PERIOD_S + 1e-9);
      last = goal;
    }
    expect(last).toBeCloseTo(min, 9);
  });

  it('leaves permitted goals alone, bit for bit, and counts nothing', async () => {
    const robot = await activeFakeRobot();
    const limits = new Limits();
    const start = robot.observe().qpos.slice();
    for (let tick = 1; tick <= 7; tick++) {
      // Just below pi rad/s, as the scripted expert at its fastest.
      const action = start.map((position, joint) => position + (joint % 7 === 6 ? 0.02 : 0.06) * tick);
      limits.send(robot, robot.observe(), action);
      expect(robot.goals.at(-1)).toEqual(action);
    }
    expect([...limits.clampedTicks]).toEqual(Array.from({ length: DOF }, () => 0));
  });

  it('counts the ticks in which it changed a joint', async () => {
    const robot = await activeFakeRobot();
    const limits = new Limits();
    const action = robot.observe().qpos.slice();
    action[8] = 1.2;
    for (let tick = 0; tick < 3; tick++) limits.send(robot, robot.observe(), action);
    expect(limits.clampedTicks[8]).toBe(3);
    expect(limits.clampedTicks[7]).toBe(0);
    limits.reset();
    expect(limits.clampedTicks[8]).toBe(0);
  });

  it.each([Number.NaN, Infinity, -Infinity])(
    'refuses %s in any joint before anything is sent',
    async (bad) => {
      const robot = await activeFakeRobot();
      const limits = new Limits();
      for (const [joint, name] of JOINT_NAMES.entries()) {
        const observation = robot.observe();
        const action = observation.qpos.slice();
        action[joint] = bad;
        const send = () => limits.send(robot, observation, action);
        expect(send).toThrow(UnsafeActionError);
        expect(send).toThrow(`Action of ${name} is ${bad}`);
      }
      expect(robot.goals).toHaveLength(0);
    },
  );

  it('refuses to act on a measured position that is not a number', async () => {
    const robot = await activeFakeRobot();
    const observation = robot.observe();
    observation.qpos[2] = Number.NaN;
    expect(() => new Limits().send(robot, observation, new Float64Array(DOF))).toThrow(
      'Joint position of left_elbow is NaN',
    );
    expect(robot.goals).toHaveLength(0);
  });

  it('refuses to act on joints that were measured too long ago, or at no time', async () => {
    const robot = await activeFakeRobot();
    const observation = robot.observe();
    const send = (timeMs: number, nowMs?: number) => () =>
      new Limits().send(robot, { ...observation, timeMs }, observation.qpos, nowMs);
    expect(send(1000, 3000)).toThrow(UnsafeActionError);
    expect(send(1000, 3000)).toThrow('last measured 2000 ms ago');
    expect(send(Number.NaN, 3000)).toThrow(UnsafeActionError);
    expect(robot.goals).toHaveLength(0);
    send(1000, 1100)();
    // As fast as possible, time stands still while a policy thinks.
    send(1000)();
    expect(robot.goals).toHaveLength(2);
  });

  it('sends the last goal again when there is no action', async () => {
    const robot = await activeFakeRobot();
    const limits = new Limits();
    const action = robot.observe().qpos.map((position) => position + 0.02);
    limits.send(robot, robot.observe(), action);
    limits.send(robot, robot.observe(), undefined);
    expect(robot.goals[1]).toEqual(robot.goals[0]);
  });

  it('starts from the measured pose after a reset', async () => {
    const robot = await activeFakeRobot();
    const limits = new Limits();
    limits.send(robot, robot.observe(), new Float64Array(DOF));
    limits.reset();
    const { qpos } = robot.observe();
    const pose = qpos.slice();
    limits.send(robot, robot.observe(), undefined);
    expect(robot.goals.at(-1)).toEqual(pose);
  });
});
