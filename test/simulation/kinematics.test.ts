import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { ARMS } from '#alohad/contract/robot.js';
import { axisRotation, gripPose, solveArm, UnreachableError, VX300S } from '#alohad/simulation/kinematics.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { World } from '#alohad/simulation/world.js';

const anyJoints = fc.tuple(...VX300S.map(({ range: [min, max] }) => fc.double({ min, max, noNaN: true })));

/** Arms in front of their base, elbow up, wrist bent: where the inverse has one answer near a given one. */
const workingJoints = fc.tuple(
  ...[
    [-1, 1],
    [-0.7, 0.2],
    [0.5, 1.4],
    [-1, 1],
    [0.1, 1.5],
    [-1.5, 1.5],
  ].map(([min, max]) => fc.double({ min: min!, max: max!, noNaN: true })),
);

describe('kinematics', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.load({ task: 'transfer_cube' });
    world.reset(sampleStartPose('transfer_cube', 0));
  });
  afterAll(() => world.dispose());

  it.each(ARMS)('puts the grip point of the %s arm where MuJoCo has it', (arm) => {
    const state = new Float64Array(world.stateSize);
    world.getState(state);
    const site = world.mujoco.mj_name2id(world.model, world.mujoco.mjtObj.mjOBJ_SITE.value, `${arm}_grip`);
    fc.assert(
      fc.property(anyJoints, (joints) => {
        // qpos of our scene: six joints and two fingers of the left arm, then of the right.
        state.set(joints, arm === 'left' ? 0 : 8);
        world.setState(state);
        const {
          site_xpos: positions,
          site_xmat: rotations,
        }: { site_xpos: Float64Array; site_xmat: Float64Array } = world.data;
        const { position, rotation } = gripPose(arm, joints);
        position.forEach((x, i) => expect(x).toBeCloseTo(positions[3 * site + i]!, 9));
        rotation.forEach((x, i) => expect(x).toBeCloseTo(rotations[9 * site + i]!, 9));
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it.each(ARMS)('finds the joint angles of the %s arm that it came from', (arm) => {
    fc.assert(
      fc.property(workingJoints, (joints) => {
        solveArm(arm, gripPose(arm, joints), joints).forEach((angle, i) =>
          expect(angle).toBeCloseTo(joints[i]!, 6),
        );
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each(ARMS)('any answer for the %s arm is within limits and gets there', (arm) => {
    let reached = 0;
    fc.assert(
      fc.property(anyJoints, anyJoints, (joints, near) => {
        const pose = gripPose(arm, joints);
        let found;
        try {
          found = solveArm(arm, pose, near);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreachableError);
          return;
        }
        reached += 1;
        const got = gripPose(arm, found);
        got.position.forEach((x, i) => expect(x).toBeCloseTo(pose.position[i]!, 9));
        got.rotation.forEach((x, i) => expect(x).toBeCloseTo(pose.rotation[i]!, 9));
        found.forEach((angle, i) => {
          expect(angle).toBeGreaterThanOrEqual(VX300S[i]!.range[0]);
          expect(angle).toBeLessThanOrEqual(VX300S[i]!.range[1]);
        });
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(reached).toBeGreaterThan(30);
  });

  it('keeps the forearm roll where a straight wrist leaves it free', () => {
    const straight = [0.1, -0.4, 0.9, 0.3, 0, 0.2];
    const found = solveArm('left', gripPose('left', straight), straight);
    found.forEach((angle, i) => expect(angle).toBeCloseTo(straight[i]!, 6));
  });

  it('says which arm cannot reach what, and why', () => {
    const ahead = { position: [0.9, 0.5, 0.2], rotation: axisRotation('y', 0) } as const;
    expect(() => solveArm('left', ahead, [0, 0, 0, 0, 0, 0])).toThrow(UnreachableError);
    expect(() => solveArm('left', ahead, [0, 0, 0, 0, 0, 0])).toThrow(
      /left arm cannot reach \(0\.900, 0\.500, 0\.200\) m/,
    );
  });
});
