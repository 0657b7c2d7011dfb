import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Alignment } from '#alohad/control/align.js';
import { run } from '#alohad/control/loop.js';
import { CONTROL_PERIOD_S, DOF, isGripper } from '#alohad/contract/robot.js';
import { FastClock } from '#alohad/realtime/clock.js';
import { activeFakeRobot } from './fakeRobot.js';

const pose = fc
  .array(fc.double({ min: -1.5, max: 1.2, noNaN: true }), { minLength: DOF, maxLength: DOF })
  .map((values) => Float64Array.from(values));

describe('Alignment', () => {
  it('reaches the goal in its steps, never faster than its speed and never overshooting', () => {
    fc.assert(
      fc.property(pose, pose, (from, to) => {
        const alignment = new Alignment(from, to);
        alignment.reset();
        let last = from.slice();
        for (let tick = 0; tick < alignment.steps; tick++) {
          const action = alignment.decide().slice();
          for (let joint = 0; joint < DOF; joint++) {
            const speed = Math.abs(action[joint]! - last[joint]!) / CONTROL_PERIOD_S;
            expect(speed).toBeLessThanOrEqual((isGripper(joint) ? 1.25 : 0.8) * 1.001);
            const low = Math.min(from[joint]!, to[joint]!) - 1e-9;
            const high = Math.max(from[joint]!, to[joint]!) + 1e-9;
            expect(action[joint]! >= low && action[joint]! <= high).toBe(true);
          }
          last = action;
        }
        for (let joint = 0; joint < DOF; joint++) expect(last[joint]!).toBeCloseTo(to[joint]!, 12);
      }),
      { numRuns: 50 },
    );
  });

  it('begins gently: the first tick moves less than a hundredth of the mean', () => {
    const alignment = new Alignment(new Float64Array(DOF), new Float64Array(DOF).fill(1));
    expect(alignment.decide()[0]!).toBeLessThan(0.01 / alignment.steps);
  });

  it('brings a robot to the goal through the loop without being limited', async () => {
    const robot = await activeFakeRobot();
    const goal = robot.observe().qpos.map((position) => Math.min(position + 0.5, 1));
    const source = new Alignment(robot.observe().qpos, goal);
    const outcome = await run({ robot, source, clock: new FastClock(), steps: source.steps });
    expect(Math.max(...outcome.clampedTicks)).toBe(0);
    const { qpos } = robot.observe();
    for (let joint = 0; joint < DOF; joint++) expect(qpos[joint]!).toBeCloseTo(goal[joint]!, 2);
  });

  it('takes one step when it is there already', () => {
    expect(new Alignment(new Float64Array(DOF), new Float64Array(DOF)).steps).toBe(1);
  });
});
