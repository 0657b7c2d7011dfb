/** The arms that a rig names: profile, gripper and calibration of each, put together from their files. */
import { loadArmProfile, loadGripper } from '../config/armFiles.js';
import { loadCalibration } from '../config/calibrationFile.js';
import type { Rig } from '../config/rig.js';
import { calibratedArm, type Arm } from '../hardware/arm/calibratedArm.js';

/** The arm as its maker means it. Throws UsageError, RigError. */
export const uncalibratedArm = (bus: string, { arm, gripper }: Rig['buses'][string]): Arm => ({
  profile: loadArmProfile(arm),
  gripper: loadGripper(gripper, bus.startsWith('leader_') ? 'leader' : 'follower'),
});

/** The physical arm on a bus. Throws UsageError, RigError. */
export function armOfBus(name: string, bus: Rig['buses'][string]): Arm {
  const arm = uncalibratedArm(name, bus);
  return bus.calibration === undefined ? arm : calibratedArm(arm, loadCalibration(bus.calibration));
}
