/** An arm of a kind, and what was measured on one of them: together, the profile of that physical arm. */
import type { ArmCalibration, ArmProfile, GripperConvention } from '../../contract/arm.js';
import { RigError } from '../../contract/errors.js';
import { fingerAt } from './jointSpace.js';

export interface Arm {
  readonly profile: ArmProfile;
  readonly gripper: GripperConvention;
}

/** Throws RigError when the calibration is of another kind of arm. */
export function calibratedArm({ profile, gripper }: Arm, calibration: ArmCalibration): Arm {
  const { arm, date, adapter, servos } = calibration;
  if (calibration.profile !== profile.name) {
    throw new RigError(
      `the calibration of ${date} is of a ${calibration.profile}, and the rig says ${profile.name}: correct the rig, or run alohad calibrate --arm ${arm}`,
    );
  }
  const { open, close } = calibration.gripper;
  return {
    profile: {
      ...profile,
      calibration: { arm, date, ...(adapter !== undefined && { adapter }) },
      servos: profile.servos.map((servo) => {
        const measured = servos.find(({ id, name }) => id === servo.id && name === servo.name);
        if (!measured) {
          throw new RigError(
            `the calibration of ${arm} (${date}) lacks servo ${servo.id} ${servo.name}: run alohad calibrate --arm ${arm}`,
          );
        }
        return { ...servo, ...measured };
      }),
    },
    gripper: {
      ...gripper,
      joint: { open, close },
      // Where the fingers are follows from where their crank is.
      finger: { open: fingerAt(gripper, open), close: fingerAt(gripper, close) },
    },
  };
}
