import { describe, expect, it } from 'vitest';
import { DOF, type Observation } from '#alohad/contract/robot.js';
import { Following } from '#alohad/control/following.js';

/** Ticks of a waist that swings, its joint behind its goal by `delayS` [s] and off by `offset` [rad]. */
function swing(ticks: number, delayS: number, offset = 0): Following {
  const following = new Following();
  const at = (timeS: number): number => 0.4 * Math.sin(2 * timeS);
  for (let tick = 0; tick < ticks; tick++) {
    const goal = new Float64Array(DOF);
    const qpos = new Float64Array(DOF);
    goal[0] = at(tick * 0.02);
    qpos[0] = at(tick * 0.02 - delayS) + offset;
    const observation: Observation = {
      step: tick,
      timeMs: tick * 20,
      qpos,
      qvel: qpos,
      effort: qpos,
      environmentState: new Float64Array(),
    };
    following.onStep({ observation, action: goal, goal, reward: 0, beganMs: 0, lateMs: 0 });
  }
  return following;
}

describe('following', () => {
  it.each([0.03, 0.08, 0.15])('finds a delay of %f s between ticks, in spite of an offset', (delayS) => {
    const { delayMs, errorRad } = swing(400, delayS, 0.05).report();
    expect(delayMs.count).toBeGreaterThan(4);
    expect(delayMs.p50).toBeCloseTo(1000 * delayS, 0);
    expect(delayMs.p99).toBeLessThan(1000 * delayS + 1);
    expect(errorRad.p99).toBeGreaterThan(0.05);
  });

  it('finds no delay where nothing moves', () => {
    const still = new Following();
    for (let tick = 0; tick < 300; tick++) {
      const zero = new Float64Array(DOF);
      const observation = {
        step: tick,
        timeMs: 0,
        qpos: zero,
        qvel: zero,
        effort: zero,
        environmentState: zero,
      };
      still.onStep({ observation, action: zero, goal: zero, reward: 0, beganMs: 0, lateMs: 0 });
    }
    expect(still.report()).toEqual({
      errorRad: { count: 300, p50: 0, p99: 0 },
      delayMs: { count: 0, p50: 0, p99: 0 },
    });
  });
});
