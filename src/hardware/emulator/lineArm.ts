/** An arm and the emulated line whose servos are its joints. */
import type { ArmProfile, GripperConvention } from '../../contract/arm.js';
import { JointSpace } from '../arm/jointSpace.js';
import type { EmulatedLine } from './line.js';
import type { EmulatedServo } from './servo.js';

export interface LineArm {
  readonly line: EmulatedLine;
  readonly profile: ArmProfile;
  readonly gripper: GripperConvention;
}

export interface ServoJoint {
  /** The driver first, then its shadow. */
  readonly servos: readonly EmulatedServo[];
  /** Index in ARM_JOINTS. */
  readonly joint: number;
  readonly space: JointSpace;
}

/** The servos on each joint, in the order of ARM_JOINTS. Throws RigError when the profile lacks one. */
export function servoJoints({ line, profile, gripper }: LineArm): ServoJoint[] {
  const space = new JointSpace(profile, gripper);
  return space.joints.map(({ id }, joint) => ({
    servos: profile.servos
      .filter((one) => one.id === id || one.shadowOf === id)
      .toSorted((a, b) => Number(a.id !== id) - Number(b.id !== id))
      .map((one) => line.servo(one.id)!),
    joint,
    space,
  }));
}
