/** The servos of a whole emulated arm, set up as its profile says and hanging as gravity wants. */
import type { ArmProfile, ServoProfile } from '../../contract/arm.js';
import { ARM_JOINTS } from '../../contract/robot.js';
import { ADDRESS, BAUD_RATES, RADIANS_PER_TICK, REVERSE_BIT, ZERO_TICK } from '../dynamixel/controlTable.js';
import { modelByName } from '../dynamixel/models.js';
import type { ServoSettings } from './servo.js';

/**
 * Largest torque of gravity at a joint [N m], arm stretched, the other joints not considered; from the masses of
 * interbotix_xsarm_descriptions: 2.0 kg 0.25 m beyond the shoulder, 1.1 kg 0.2 m beyond the elbow, 0.4 kg 0.1 m beyond
 * the wrist.
 */
const GRAVITY: Readonly<Record<string, (angle: number) => number>> = {
  shoulder: (angle) => 5 * Math.sin(angle),
  elbow: (angle) => 2.2 * Math.cos(angle),
  wrist_angle: (angle) => 0.4 * Math.cos(angle),
};

/** Everything that the profile sets, as a new servo would be prepared by its owner. */
export function emulatedArm(profile: ArmProfile, hasGravity = true, carried = false): ServoSettings[] {
  return profile.servos.map((servo) => {
    const model = modelByName(servo.model);
    const sign = (servo.driveMode & REVERSE_BIT) !== 0 ? -1 : 1;
    const { homingOffset = 0 } = servo;
    const angleAt = (position: number): number =>
      (sign * (position - ZERO_TICK) + homingOffset) * RADIANS_PER_TICK;
    const joint = jointOf(servo, profile);
    const angle = profile.sleepPose[ARM_JOINTS.indexOf(joint)] ?? 0;
    const sharers = profile.servos.filter((other) => jointOf(other, profile) === joint).length;
    const gravity = hasGravity ? GRAVITY[joint] : undefined;
    return {
      model,
      id: servo.id,
      carried,
      ...(servo.firmware !== undefined && { firmware: servo.firmware }),
      position: ZERO_TICK + sign * (angle / RADIANS_PER_TICK - homingOffset),
      ...(joint in GRAVITY && { stops: encoderRange(servo, sign) }),
      ...(gravity && {
        load: (position: number) => (sign * gravity(angleAt(position))) / sharers,
      }),
      eeprom: {
        [ADDRESS.baudRate]: BAUD_RATES.indexOf(profile.baudRate),
        [ADDRESS.returnDelayTime]: 0,
        [ADDRESS.driveMode]: servo.driveMode,
        [ADDRESS.homingOffset]: homingOffset,
        [ADDRESS.operatingMode]: servo.operatingMode,
        [ADDRESS.secondaryId]: servo.shadowOf ?? 255,
        [ADDRESS.velocityLimit]: profile.velocityLimit,
        [ADDRESS.minPositionLimit]: servo.minTick,
        [ADDRESS.maxPositionLimit]: servo.maxTick,
        ...(servo.currentLimit !== undefined && { [ADDRESS.currentLimit]: servo.currentLimit }),
      },
    };
  });
}

/** Joints that gravity moves end where the profile says, and rest there without torque. */
function encoderRange(
  { minTick, maxTick, homingOffset = 0 }: ServoProfile,
  sign: 1 | -1,
): readonly [number, number] {
  const mirror = 2 * ZERO_TICK;
  const [min, max] = [minTick - homingOffset, maxTick - homingOffset];
  return sign === 1 ? [min, max] : [mirror - max, mirror - min];
}

/** The joint that a servo drives, alone or as a shadow. */
function jointOf(servo: ServoProfile, profile: ArmProfile): (typeof ARM_JOINTS)[number] {
  const driver = profile.servos.find(({ id }) => id === servo.shadowOf) ?? servo;
  const joint = ARM_JOINTS.find((name) => name === driver.name);
  if (joint === undefined) throw new RangeError(`profile ${profile.name} has no joint "${driver.name}"`);
  return joint;
}
