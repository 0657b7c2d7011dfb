import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gripPose, solveArm } from '#alohad/simulation/kinematics.js';
import { REWARD_RULES } from '#alohad/simulation/rewards.js';
import { ownScene } from '#alohad/simulation/sceneFiles.js';
import { World } from '#alohad/simulation/world.js';
import type { Arm } from '#alohad/contract/robot.js';

/** Grip points of the start pose [m]; the fingers there are all but closed. */
const [LEFT, RIGHT] = (['left', 'right'] as const).map(
  (arm) => gripPose(arm, [0, -0.96, 1.16, 0, -0.3, 0]).position,
);
const FAR = [0, 0.9, 0.5] as const;
/** Centre heights of lying objects [m], a hair inside the table so that they touch. */
const PEG_LYING = 0.0099;
const SOCKET_LYING = 0.0219;
const CUBE_LYING = 0.0199;

const pose = (position: readonly number[]): number[] => [...position, 1, 0, 0, 0];
const offset = (point: readonly number[], x: number, y: number, z: number): number[] => [
  point[0]! + x,
  point[1]! + y,
  point[2]! + z,
];

describe('rewards of contacts', () => {
  describe('insertion', () => {
    let world: World;
    beforeAll(async () => {
      world = await World.load({ task: 'insertion' });
    });
    afterAll(() => world.dispose());

    const rewardOf = (peg: readonly number[], socket: readonly number[]): number => {
      world.reset({ seed: 0, objects: Float64Array.from([...pose(peg), ...pose(socket)]) });
      return world.reward();
    };

    it('is 0 with everything on the table or in the air', () => {
      expect(rewardOf([0.15, 0.5, PEG_LYING], [-0.15, 0.5, SOCKET_LYING])).toBe(0);
      expect(rewardOf(FAR, [0, 0.9, 0.3])).toBe(0);
    });

    it('is 0 with one object held', () => {
      expect(rewardOf(RIGHT!, FAR)).toBe(0);
      expect(rewardOf(FAR, LEFT!)).toBe(0);
    });

    it('is 2 with both held in the air', () => {
      expect(rewardOf(RIGHT!, LEFT!)).toBe(2);
    });

    it('counts one finger of each arm only', () => {
      // Fingers of the right arm, mirrored: its left finger is at -y, which does not count; so the peg is put there.
      expect(rewardOf(offset(RIGHT!, 0, -0.012, 0), LEFT!)).toBe(0);
      expect(rewardOf(offset(RIGHT!, 0, 0.012, 0), LEFT!)).toBe(2);
    });

    it('is 3 with the peg at a wall of the socket, both in the air', () => {
      expect(rewardOf(FAR, offset(FAR, 0, 0, 0.0275))).toBe(3);
    });

    it('is 0 with peg and socket touching on the table', () => {
      expect(rewardOf([0, 0.9, PEG_LYING], [-0.119, 0.9, SOCKET_LYING])).toBe(0);
    });

    it('is 4 with the peg at the pin', () => {
      expect(rewardOf(FAR, offset(FAR, -0.0995, 0, 0))).toBe(4);
    });

    it('is not 4 just before the pin', () => {
      expect(rewardOf(FAR, offset(FAR, -0.1005, 0, 0))).toBe(0);
    });
  });

  describe('transfer cube', () => {
    let world: World;
    beforeAll(async () => {
      world = await World.load({ task: 'transfer_cube' });
    });
    afterAll(() => world.dispose());

    const rewardOf = (box: readonly number[]): number => {
      world.reset({ seed: 0, objects: Float64Array.from(pose(box)) });
      return world.reward();
    };

    /** Puts one hand down at a cube that lies on the table and closes it. */
    const rewardAtTable = (arm: Arm): number => {
      const x = arm === 'left' ? -0.1 : 0.1;
      const down = gripPose(arm, [0, 0, 0, 0, 1.2, 0]).rotation;
      const joints = solveArm(arm, { position: [x, 0.5, 0.025], rotation: down }, [0, -0.5, 0.8, 0, 0.6, 0]);
      world.reset({ seed: 0, objects: Float64Array.from(pose([x, 0.5, CUBE_LYING])) });
      const state = new Float64Array(world.stateSize);
      world.getState(state);
      // qpos of our scene: six joints and two fingers of the left arm, then of the right.
      state.set([...joints, 0.0423, -0.0423], arm === 'left' ? 0 : 8);
      world.setState(state);
      return world.reward();
    };

    it('is 0 on the table, 2 in the right hand, 4 in the left', () => {
      expect(rewardOf([0, 0.9, CUBE_LYING])).toBe(0);
      expect(rewardOf(RIGHT!)).toBe(2);
      expect(rewardOf(LEFT!)).toBe(4);
    });

    it('is 1 and 3 while the cube still lies on the table', () => {
      expect(rewardAtTable('right')).toBe(1);
      expect(rewardAtTable('left')).toBe(3);
    });
  });

  it('does not depend on which geom of a contact MuJoCo lists first', async () => {
    // Objects before arms and table: their geoms get the lower numbers, the opposite of our scene.
    const folder = mkdtempSync(join(tmpdir(), 'alohad-'));
    cpSync(dirname(ownScene('insertion')), folder, { recursive: true });
    const scene = join(folder, 'objects-first.xml');
    const box = (name: string): string =>
      `<geom name="${name}" type="box" size="0.06 0.01 0.01" mass="0.05"/>`;
    const body = (joint: string, geoms: readonly string[]): string =>
      `<body><joint name="${joint}" type="free"/>${geoms.map(box).join('')}</body>`;
    const socket = ['socket-1', 'socket-2', 'socket-3', 'socket-4', 'pin'];
    writeFileSync(
      scene,
      `<mujoco><worldbody>${body('red_peg_joint', ['red_peg'])}${body('blue_socket_joint', socket)}</worldbody>
       <include file="scene.xml"/></mujoco>`,
    );
    try {
      const world = await World.load({ task: 'insertion', scene });
      world.reset({ seed: 0, objects: Float64Array.from([...pose(RIGHT!), ...pose(LEFT!)]) });
      expect(world.reward()).toBe(2);
      world.dispose();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('reward rules', () => {
  it('insertion: grasped on the table is 1', () => {
    const grasped = { leftHoldsSocket: true, rightHoldsPeg: true };
    expect(REWARD_RULES.insertion.reward({ ...grasped, pegOnTable: true })).toBe(1);
    expect(REWARD_RULES.insertion.reward({ ...grasped, socketOnTable: true })).toBe(1);
  });

  it('insertion: later rules override earlier ones', () => {
    expect(
      REWARD_RULES.insertion.reward({ leftHoldsSocket: true, rightHoldsPeg: true, pegInSocket: true }),
    ).toBe(3);
    expect(REWARD_RULES.insertion.reward({ pegInSocket: true, pegAtPin: true, pegOnTable: true })).toBe(4);
  });
});
