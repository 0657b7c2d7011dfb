/** Failure taxonomy: from poses built by hand, and from episodes that went wrong on purpose. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { assert, double, property } from 'fast-check';
import { ARM_START_POSE, ARMS, DOF, type Arm } from '#alohad/contract/robot.js';
import { EPISODE_STEPS, type TaskName } from '#alohad/contract/task.js';
import { Limits } from '#alohad/control/limits.js';
import { insertionExpert } from '#alohad/simulation/experts/insertion.js';
import { transferCubeExpert } from '#alohad/simulation/experts/transferCube.js';
import { offsetChunk } from '#alohad/simulation/chunkOffset.js';
import { countFailures, failureOf } from '#alohad/simulation/failures.js';
import { pegFit } from '#alohad/simulation/failures/pegFit.js';
import {
  axisRotation,
  gripPose,
  MOUNTS,
  multiply,
  solveArm,
  type Vector,
} from '#alohad/simulation/kinematics.js';
import { SimRobot } from '#alohad/simulation/simRobot.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

type Episode = Parameters<typeof failureOf>[0];
/** x y z [m], w x y z */
type Pose7 = readonly number[];

const INFO: Episode['info'] = {
  task: 'insertion',
  backend: 'sim',
  source: 'hand',
  seed: 0,
  startObjects: [],
  softwareVersion: '',
  gripper: {},
  cameras: [],
  extra: {},
};
const HOME = [...ARM_START_POSE, ...ARM_START_POSE];
const GRIP: Readonly<Record<Arm, Vector>> = {
  left: gripPose('left', ARM_START_POSE).position,
  right: gripPose('right', ARM_START_POSE).position,
};
const at = ([x, y, z]: Vector, dx = 0, dy = 0, dz = 0, pitch = 0): Pose7 => [
  x + dx,
  y + dy,
  z + dz,
  Math.cos(pitch / 2),
  0,
  Math.sin(pitch / 2),
  0,
];

const episodeOf = (
  task: TaskName,
  poses: readonly (readonly Pose7[])[],
  reward: readonly number[] = poses.map(() => 0),
  success = false,
  qpos = HOME,
): Episode => ({
  info: { ...INFO, task },
  outcome: { steps: poses.length, maxReward: Math.max(...reward), finalReward: reward.at(-1)!, success },
  steps: poses.length,
  qpos: Float64Array.from(poses.flatMap(() => qpos)),
  environmentState: Float64Array.from(poses.flat(2)),
  reward: Float64Array.from(reward),
});

describe('from poses built by hand', () => {
  // The hands stand still at the start pose; whatever is at their grip points is held.
  const PEG_LYING = [0.15, 0.5, 0.01, 1, 0, 0, 0];
  const SOCKET_LYING = [-0.15, 0.5, 0.022, 1, 0, 0, 0];
  const lying = [PEG_LYING, SOCKET_LYING];
  const SOCKET = at(GRIP.left);
  const reasonOf = (poses: readonly (readonly Pose7[])[], reward?: readonly number[]) =>
    failureOf(episodeOf('insertion', poses, reward));

  test('a success is no failure', () => {
    expect(failureOf(episodeOf('insertion', [lying], [4], true))).toBeUndefined();
  });

  test('an episode that does not say where things were is unknown', () => {
    const episode = { ...episodeOf('insertion', [lying]), environmentState: new Float64Array() };
    expect(failureOf(episode)?.kind).toBe('unknown');
  });

  test('who did not grasp', () => {
    expect(reasonOf([lying, lying])).toMatchObject({ kind: 'nothing grasped', step: 1 });
    expect(reasonOf([lying, [at(GRIP.right), SOCKET_LYING]])?.kind).toBe('socket not grasped');
    expect(reasonOf([lying, [PEG_LYING, SOCKET]])?.kind).toBe('peg not grasped');
  });

  test('an object in the air, away from the hand, is not held', () => {
    expect(reasonOf([[at(GRIP.right, 0, 0.05), SOCKET]])?.kind).toBe('peg not grasped');
  });

  test('who dropped, and when', () => {
    const held = [at(GRIP.right), SOCKET];
    expect(reasonOf([lying, held, [PEG_LYING, SOCKET], [PEG_LYING, SOCKET]])).toMatchObject({
      kind: 'peg dropped',
      step: 2,
      text: expect.stringContaining('right hand'),
    });
    expect(reasonOf([lying, held, held, [at(GRIP.right), SOCKET_LYING]])).toMatchObject({
      kind: 'socket dropped',
      step: 3,
    });
  });

  test('held until the end, never met', () => {
    const fit = reasonOf([lying, [at(GRIP.right), SOCKET]]);
    const gap = GRIP.right[0] - GRIP.left[0] - 0.12;
    expect(fit?.kind).toBe('timed out before contact');
    expect(fit?.text).toContain(`${(1000 * gap).toFixed(1)} mm`);
  });

  // Both hands at their objects; the peg's tip so far past the mouth [m] and so far off the axis.
  const PEG: Vector = [0.06, 0.5, 0.15];
  const hands = ARMS.flatMap((arm) => [
    ...solveArm(
      arm,
      {
        position: [arm === 'left' ? -0.06 : 0.06, 0.5, 0.15],
        rotation: multiply(axisRotation('z', MOUNTS[arm].yaw), axisRotation('y', 1.2)),
      },
      [0, -0.5, 0.8, 0, 0.6, 0],
    ),
    0,
  ]);
  const met = (fits: readonly { depth: number; high?: number; left?: number; pitch?: number }[]) =>
    failureOf(
      episodeOf(
        'insertion',
        fits.map(({ depth, high = 0, left = 0, pitch = 0 }) => {
          const peg = at(PEG, 0, -left, high - 0.06 * Math.sin(pitch), pitch);
          return [peg, at(PEG, -0.06 * Math.cos(pitch) - 0.06 + depth)];
        }),
        undefined,
        false,
        hands,
      ),
    );

  test.each([
    ['peg high', { high: 0.0093, left: 0.002 }, '9.3 mm high, 2.0 mm left of'],
    ['peg low', { high: -0.0093, left: 0.002 }, '9.3 mm low, 2.0 mm left of'],
    ['peg left', { left: 0.012, high: 0.001 }, '12.0 mm left, 1.0 mm high of'],
    ['peg right', { left: -0.012, high: -0.001 }, '12.0 mm right, 1.0 mm low of'],
    ['peg tilted', { pitch: 0.4, high: 0.009 }, 'tilted 23 deg to the socket, tip 9.0 mm high'],
    ['peg short of the pin', { high: 0.001 }, 'at the mouth, not pushed in'],
  ])('%s where they meet', (kind, off, text) => {
    const failure = met([{ depth: -0.01, ...off }, { depth: 0.001, ...off }, { depth: 0.001 }]);
    expect(failure).toMatchObject({ kind, step: 1 });
    expect(failure?.text).toContain(text);
  });

  test('a peg that finds its way in is judged by how far it came', () => {
    const failure = met([
      { depth: 0, high: 0.009 },
      { depth: 0.012, high: 0.004 },
      { depth: 0.008, high: 0.004 },
    ]);
    expect(failure).toMatchObject({ kind: 'peg short of the pin', step: 1 });
    expect(failure?.text).toBe('peg 12.0 mm in, 8.0 mm short of the pin');
    expect(met([{ depth: 0.01, pitch: 0.4 }])?.kind).toBe('peg tilted');
  });

  test('the reward tells of a contact, one step before the poses', () => {
    const poses = [-0.001, -0.001, -0.001].map((depth) => [at(PEG, 0, 0, 0.0095), at(PEG, -0.12 + depth)]);
    const failure = failureOf(episodeOf('insertion', poses, [2, 3, 2], false, hands));
    expect(failure).toMatchObject({ kind: 'peg high', step: 2 });
  });
});

describe('how peg and socket stand to each other', () => {
  const socket = { position: [-0.06, 0.5, 0.15], rotation: axisRotation('z', 0) } as const;
  const level = (x: number, y: number, z: number) =>
    ({ position: [0.06 + x, 0.5 + y, 0.15 + z], rotation: axisRotation('z', 0) }) as const;

  test('depth past the mouth, high, left of one who looks along the peg', () => {
    const fit = pegFit(level(-0.013, -0.002, 0.005), socket);
    expect(fit.depthM).toBeCloseTo(0.013, 9);
    expect(fit.highM).toBeCloseTo(0.005, 9);
    expect(fit.leftM).toBeCloseTo(0.002, 9);
    expect(fit.tiltRad).toBeCloseTo(0, 6);
  });

  test('a peg tilted about its middle: its tip rises or sinks', () => {
    const fit = pegFit({ ...level(0, 0, 0), rotation: axisRotation('y', 0.2) }, socket);
    expect(fit.tiltRad).toBeCloseTo(0.2, 9);
    expect(fit.highM).toBeCloseTo(0.06 * Math.sin(0.2), 9);
    expect(fit.depthM).toBeCloseTo(0.06 * Math.cos(0.2) - 0.06, 9);
  });

  test('the same whichever way both are turned about the vertical, or a bar is turned end to end', () => {
    const angle = double({ min: -3, max: 3, noNaN: true });
    const small = double({ min: -0.02, max: 0.02, noNaN: true });
    assert(
      property(angle, small, small, small, (turn, x, y, z) => {
        const expected = pegFit(level(x, y, z), socket);
        const rotation = axisRotation('z', turn);
        const [c, s] = [Math.cos(turn), Math.sin(turn)];
        const turned = ([px, py, pz]: Vector): Vector => [c * px - s * py, s * px + c * py, pz];
        const peg = {
          position: turned(level(x, y, z).position),
          rotation: axisRotation('z', turn + Math.PI),
        };
        const fit = pegFit(peg, { position: turned(socket.position), rotation });
        expect(fit.depthM).toBeCloseTo(expected.depthM, 9);
        expect(fit.highM).toBeCloseTo(expected.highM, 9);
        expect(fit.leftM).toBeCloseTo(expected.leftM, 9);
      }),
    );
  });

  test('an upright socket gives numbers', () => {
    const fit = pegFit(level(0, 0, 0), { ...socket, rotation: axisRotation('y', Math.PI / 2) });
    expect(Object.values(fit).every(Number.isFinite)).toBe(true);
  });
});

describe.each(['insertion', 'transfer_cube'] as const)('real episodes of %s', (task) => {
  let robot: SimRobot;
  beforeAll(async () => {
    robot = new SimRobot({ task });
    await robot.connect();
    await robot.activate();
  });
  afterAll(() => robot.disconnect());

  /** The expert, each of its goals changed by `disturb`. */
  function play(disturb: (goal: Float64Array, step: number) => void, steps = EPISODE_STEPS) {
    const expert = task === 'insertion' ? insertionExpert() : transferCubeExpert();
    const limits = new Limits();
    const [qpos, environment, reward]: number[][] = [[], [], []];
    robot.reset(sampleStartPose(task, 3));
    for (let step = 0; step < steps; step++) {
      const observation = robot.observe();
      qpos!.push(...observation.qpos);
      environment!.push(...observation.environmentState);
      const goal = expert.decide(observation)!.slice();
      disturb(goal, step);
      limits.send(robot, observation, goal);
      reward!.push(robot.reward());
    }
    const maxReward = Math.max(...reward!);
    return failureOf({
      info: { ...INFO, task },
      outcome: { steps, maxReward, finalReward: reward!.at(-1)!, success: maxReward >= 4 },
      steps,
      qpos: Float64Array.from(qpos!),
      environmentState: Float64Array.from(environment!),
      reward: Float64Array.from(reward!),
    });
  }
  const gripper = (arm: Arm): number => 7 * ARMS.indexOf(arm) + 6;
  const keepOpen = (arm: Arm, from: number) => (goal: Float64Array, step: number) => {
    if (step >= from) goal[gripper(arm)] = 1;
  };
  /** The right hand's way, from the lift on, moved by so much [m]. */
  const shifted = (offset: Vector) => (goal: Float64Array, step: number) => {
    if (step < 225) return;
    // Ten equal steps, of which the last has the whole offset.
    const chunk = Float64Array.from({ length: 10 * DOF }, (_, i) => goal[i % DOF]!);
    goal.set(offsetChunk(chunk, 'right', offset)!.subarray(9 * DOF));
  };

  if (task === 'insertion') {
    it.each([
      ['peg high', [0, 0, 0.022], 'high'],
      ['peg low', [0, 0, -0.016], 'low'],
      ['peg left', [0, -0.014, 0], 'left'],
      ['peg right', [0, 0.014, 0], 'right'],
    ] as const)('%s', (kind, offset, side) => {
      const failure = play(shifted(offset));
      expect(failure).toMatchObject({ kind });
      expect(failure?.text).toContain(side);
      const { highM, leftM } = failure!.fit!;
      // Within what held objects give.
      expect(highM).toBeCloseTo(offset[2], 2);
      expect(leftM).toBeCloseTo(-offset[1], 2);
    });

    it('the undisturbed expert does not fail', () => {
      expect(play(() => undefined)).toBeUndefined();
    });

    it('hands that stay open grasp nothing', () => {
      expect(play(keepOpen('left', 0))?.kind).toBe('socket not grasped');
      expect(play(keepOpen('right', 0))?.kind).toBe('peg not grasped');
    });

    it('a hand that opens in the air drops what it held', () => {
      expect(play(keepOpen('right', 230))).toMatchObject({ kind: 'peg dropped' });
      expect(play(keepOpen('left', 230))).toMatchObject({ kind: 'socket dropped' });
    });

    it('time that is over too early', () => {
      expect(play(() => undefined, 250)).toMatchObject({ kind: 'timed out before contact', step: 249 });
    });

    it('a peg that is let go before the pin stays short of it, or is dropped there', () => {
      const failure = play((goal, step) => {
        if (step > 275) goal.set(frozen);
        else frozen.set(goal);
      });
      expect(failure?.kind).toBe('peg short of the pin');
      expect(failure!.fit!.depthM).toBeGreaterThan(0.002);
      expect(failure!.fit!.depthM).toBeLessThan(0.02);
    });
  } else {
    it('names what went wrong with the cube', () => {
      expect(play(() => undefined)).toBeUndefined();
      expect(play(keepOpen('right', 0))?.kind).toBe('cube not grasped');
      expect(play(keepOpen('right', 190))?.kind).toBe('cube dropped');
      const kept = play((goal, step) => {
        if (step < 225) frozen.set(goal);
        else goal.set(frozen);
      });
      expect(kept?.kind).toBe('not handed over');
      expect(kept?.text).toMatch(/within \d+\.\d mm/);
    });
  }
});

const frozen = new Float64Array(DOF);

test('kinds are counted, the most frequent first', () => {
  const kinds = ['peg low', 'peg dropped', 'peg low'] as const;
  expect(countFailures(kinds.map((kind) => ({ kind })))).toEqual([
    { kind: 'peg low', count: 2 },
    { kind: 'peg dropped', count: 1 },
  ]);
  expect(countFailures([])).toEqual([]);
});
