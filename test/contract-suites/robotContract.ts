import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AlohadError, UnknownCameraError } from '#alohad/contract/errors.js';
import { imageBytes } from '#alohad/contract/camera.js';
import { DOF, isGripper } from '#alohad/contract/robot.js';
import type { ImageRequest } from '#alohad/contract/camera.js';
import type { Robot } from '#alohad/contract/robot.js';

/** A small step that every robot in its start pose can take: rad, grippers normalised. */
const NUDGE = 0.04;
/** Periods after which a robot that follows has visibly moved. */
const TICKS = 25;

/**
 * What every Robot must do, simulated or real. `makeRobot` gives a new one, not connected; `prepare` brings a
 * connected one to a pose in which small moves are possible.
 */
export function describeRobotContract<R extends Robot>(
  name: string,
  makeRobot: () => R,
  prepare: (robot: R) => void = () => {},
): void {
  describe(`${name} keeps the Robot contract`, () => {
    let robot: R;
    beforeEach(() => {
      robot = makeRobot();
    });
    afterEach(() => robot.disconnect());

    async function connected(): Promise<void> {
      await robot.connect();
      prepare(robot);
    }

    async function active(): Promise<void> {
      await connected();
      await robot.activate();
    }

    /** Commands `offset` from the present pose for some periods; returns how far each joint went. */
    function nudge(offset: number): number[] {
      const before = robot.observe().qpos.slice();
      const goal = before.map((position) => position + offset);
      for (let tick = 0; tick < TICKS; tick++) robot.command(goal);
      const after = robot.observe().qpos;
      return Array.from(before, (position, joint) => after[joint]! - position);
    }

    it('is of no use before connect, and says so', async () => {
      await expect(robot.activate()).rejects.toBeInstanceOf(AlohadError);
      expect(() => robot.observe()).toThrow(AlohadError);
      expect(() => robot.command(new Float64Array(DOF))).toThrow(AlohadError);
    });

    it('observes 14 finite joints in rad, grippers normalised, once connected', async () => {
      await connected();
      const { qpos, qvel, effort, environmentState, step, timeMs } = robot.observe();
      for (const values of [qpos, qvel, effort]) {
        expect(values).toBeInstanceOf(Float64Array);
        expect(values).toHaveLength(DOF);
        expect(values.every(Number.isFinite)).toBe(true);
      }
      expect(environmentState.every(Number.isFinite)).toBe(true);
      expect(qpos.every((position, joint) => Math.abs(position) <= (isGripper(joint) ? 1.1 : Math.PI))).toBe(
        true,
      );
      expect(Number.isInteger(step) && step >= 0).toBe(true);
      expect(Math.abs(performance.now() - timeMs)).toBeLessThan(1000);
    });

    it('does not move its arms before activate', async () => {
      await connected();
      let moved: number[] = [];
      try {
        moved = nudge(NUDGE);
      } catch (error) {
        expect(error).toBeInstanceOf(AlohadError);
      }
      for (const distance of moved) expect(Math.abs(distance)).toBeLessThan(NUDGE / 4);
    });

    it('follows goals after activate, and counts steps', async () => {
      await active();
      const { step } = robot.observe();
      const moved = nudge(NUDGE);
      // Grippers may start against their stop.
      for (const [joint, distance] of moved.entries())
        if (!isGripper(joint)) expect(distance).toBeGreaterThan(NUDGE / 4);
      expect(robot.observe().step).toBe(step + TICKS);
    });

    it('leaves an observation as it is until the next one', async () => {
      await active();
      const borrowed = robot.observe();
      const copy = structuredClone(borrowed);
      robot.command(copy.qpos.map((position) => position + NUDGE));
      robot.hold();
      expect(structuredClone(borrowed)).toEqual(copy);
    });

    it('measures later at a later observation', async () => {
      await active();
      const first = robot.observe().timeMs;
      robot.command(robot.observe().qpos.slice());
      expect(robot.observe().timeMs).toBeGreaterThanOrEqual(first);
    });

    it('keeps neither the goal it is given nor what a caller does to an observation', async () => {
      await active();
      const { qpos } = robot.observe();
      const before = qpos.slice();
      qpos.fill(Number.NaN);
      const goal = before.slice();
      robot.command(goal);
      goal.fill(Number.NaN);
      robot.hold();
      robot.command(before.slice());
      const after = robot.observe().qpos;
      expect(after.every((position, joint) => Math.abs(position - before[joint]!) < NUDGE)).toBe(true);
    });

    it('keeps the pose on hold', async () => {
      await active();
      nudge(NUDGE);
      const before = robot.observe().qpos.slice();
      robot.hold();
      await new Promise((resolve) => setTimeout(resolve, 60));
      const after = robot.observe().qpos;
      for (let joint = 0; joint < DOF; joint++) expect(after[joint]!).toBeCloseTo(before[joint]!, 2);
    });

    it('can be told to hold and to disconnect at any time, twice', async () => {
      robot.hold();
      await robot.disconnect();
      await active();
      robot.hold();
      robot.hold();
      await robot.disconnect();
      await robot.disconnect();
    });

    it('is limp again after disconnect', async () => {
      await active();
      await robot.disconnect();
      expect(() => robot.command(new Float64Array(DOF))).toThrow(AlohadError);
    });

    it('fills an image request of any size and region to the last byte', async () => {
      await connected();
      for (const camera of robot.images.cameras) {
        const requests: ImageRequest[] = [
          { camera, width: 64, height: 48 },
          { camera, width: 31, height: 17, region: { x: 100, y: 60, width: 320, height: 240 } },
        ];
        for (const request of requests) {
          const onBlack = new Uint8Array(imageBytes(request)).fill(0);
          const onWhite = new Uint8Array(imageBytes(request)).fill(255);
          const { timeMs } = robot.images.capture(request, onBlack);
          robot.images.capture(request, onWhite);
          // What a capture leaves unwritten differs between the two.
          expect(onBlack, `${camera} ${request.width} x ${request.height}`).toEqual(onWhite);
          expect(Number.isFinite(timeMs)).toBe(true);
        }
      }
    });

    it('refuses an unknown camera and names those it has', async () => {
      await connected();
      const request = { camera: 'cam_nowhere', width: 8, height: 8 };
      const capture = () => robot.images.capture(request, new Uint8Array(imageBytes(request)));
      expect(capture).toThrow(UnknownCameraError);
      expect(capture).toThrow(robot.images.cameras[0] ?? 'none');
    });
  });
}
