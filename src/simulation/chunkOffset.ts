/**
 * Structured variation of an action chunk: one gripper's path moved by a constant offset, orientation kept. White noise
 * on joints explores nothing - the dynamics swallow it until it destroys - while a few millimetres of constant offset
 * decide whether a peg goes in (facts, section 3.8).
 */
import { ARM_JOINTS, ARMS, type Arm } from '../contract/robot.js';
import { add, gripPose, solveArm, UnreachableError, type Vector } from './kinematics.js';

/** Steps over which the offset grows, so that the arm does not jump. */
const RAMP_STEPS = 10;

/**
 * `actions` (k, 14) with the path of `arm`'s grip point moved by `offsetM` in the world [m]. undefined where the arm
 * cannot reach.
 */
export function offsetChunk(actions: Float64Array, arm: Arm, offsetM: Vector): Float64Array | undefined {
  const width = ARMS.length * ARM_JOINTS.length;
  const first = ARMS.indexOf(arm) * ARM_JOINTS.length;
  const moved = actions.slice();
  for (let step = 0; step * width < actions.length; step++) {
    const at = step * width + first;
    const joints = actions.subarray(at, at + ARM_JOINTS.length - 1);
    const share = Math.min(1, (step + 1) / RAMP_STEPS);
    const { position, rotation } = gripPose(arm, joints);
    const [x, y, z] = offsetM;
    try {
      moved.set(
        solveArm(arm, { position: add(position, [share * x, share * y, share * z]), rotation }, joints),
        at,
      );
    } catch (error) {
      if (error instanceof UnreachableError) return undefined;
      throw error;
    }
  }
  return moved;
}
