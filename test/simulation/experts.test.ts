import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTROL_PERIOD_S, DOF, isGripper } from '#alohad/contract/robot.js';
import { EPISODE_STEPS, TASKS, type TaskName } from '#alohad/contract/task.js';
import { Limits } from '#alohad/control/limits.js';
import { insertionExpert } from '#alohad/simulation/experts/insertion.js';
import { transferCubeExpert } from '#alohad/simulation/experts/transferCube.js';
import { SimRobot } from '#alohad/simulation/simRobot.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import type { ExpertNoise, ScriptedExpert } from '#alohad/simulation/experts/scriptedExpert.js';

const EXPERTS: Record<TaskName, (noise?: ExpertNoise) => ScriptedExpert> = {
  insertion: insertionExpert,
  transfer_cube: transferCubeExpert,
};
const NOISE: ExpertNoise = { seed: 5, positionM: 0.01, timing: 0.1 };
/** Fastest joint [rad/s]; source: Interbotix, Velocity_Limit 131. */
const FASTEST = Math.PI;

describe.each(TASKS)('%s expert', (task) => {
  let robot: SimRobot;
  beforeAll(async () => {
    robot = new SimRobot({ task });
    await robot.connect();
    await robot.activate();
  });
  afterAll(() => robot.disconnect());

  /** The actions of an episode without running it: what a plan looks like from the first observation. */
  function plan(expert: ScriptedExpert, seed: number): Float64Array[] {
    robot.reset(sampleStartPose(task, seed));
    expert.reset();
    const first = structuredClone(robot.observe());
    return Array.from({ length: EPISODE_STEPS }, (_, step) => expert.decide({ ...first, step })!.slice());
  }

  it.each([
    [0, undefined],
    [1, undefined],
    [2, NOISE],
  ])('solves start pose %i within an episode and its success lasts, noise %o', (seed, noise) => {
    const expert = EXPERTS[task](noise);
    const limits = new Limits();
    robot.reset(sampleStartPose(task, seed));
    expert.reset();
    let best = 0;
    for (let step = 0; step < EPISODE_STEPS; step += 1) {
      const observation = robot.observe();
      limits.send(robot, observation, expert.decide(observation));
      best = Math.max(best, robot.reward());
    }
    expect(best).toBe(4);
    expect(robot.reward()).toBe(4);
    // The script asks for nothing that the robot may not do.
    expect(Array.from(limits.clampedTicks)).toEqual(Array.from({ length: DOF }, () => 0));
  });

  it('never jumps', () => {
    const actions = plan(EXPERTS[task](NOISE), 3);
    for (let step = 1; step < actions.length; step += 1) {
      actions[step]!.forEach((goal, i) => {
        if (!isGripper(i))
          expect(Math.abs(goal - actions[step - 1]![i]!)).toBeLessThan(FASTEST * CONTROL_PERIOD_S);
      });
    }
  });

  it('does the same for the same pose and noise, and something else for another', () => {
    expect(plan(EXPERTS[task](NOISE), 3)).toEqual(plan(EXPERTS[task](NOISE), 3));
    expect(plan(EXPERTS[task](NOISE), 3)).not.toEqual(plan(EXPERTS[task]({ ...NOISE, seed: 6 }), 3));
    expect(plan(EXPERTS[task](), 3)).not.toEqual(plan(EXPERTS[task](), 4));
  });

  it('has nothing to do after its episode', () => {
    const expert = EXPERTS[task]();
    const first = structuredClone(robot.observe());
    expect(expert.decide(first)).toBeDefined();
    expect(expert.decide({ ...first, step: first.step + EPISODE_STEPS })).toBeUndefined();
  });
});
