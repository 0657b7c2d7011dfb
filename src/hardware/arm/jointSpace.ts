/**
 * One arm's joints as servos count them and as policies see them: ticks against rad, and the gripper's servo against a
 * number from 0 (closed) to 1 (open).
 *
 * As in ALOHA, a gripper's goal is its servo's angle between two angles, and what is observed of a follower is its
 * finger's place between two places; both are 0 and 1 at the same ends, and differ a little between (the linkage is not
 * linear). A leader's grip is a goal for a follower, so its servo's angle is observed.
 */
import type { ArmProfile, GripperConvention, ServoProfile } from '../../contract/arm.js';
import { RigError } from '../../contract/errors.js';
import { ARM_JOINTS } from '../../contract/robot.js';
import { CURRENT_UNIT, RADIANS_PER_TICK, VELOCITY_UNIT, ZERO_TICK } from '../dynamixel/controlTable.js';
import { modelByName, type Model } from '../dynamixel/models.js';

const GRIPPER = ARM_JOINTS.length - 1;

/** Distance of a finger from the middle [m]; source: Interbotix xs_driver.cpp, a crank and a rod. */
export function fingerAt(
  { hornRadiusM: crank, rodLengthM: rod }: Pick<GripperConvention, 'hornRadiusM' | 'rodLengthM'>,
  angle: number,
): number {
  return crank * Math.sin(angle) + Math.sqrt(Math.max(0, rod ** 2 - (crank * Math.cos(angle)) ** 2));
}

/** Unit of Present Load: a share of the stall torque. */
const LOAD_UNIT = 0.001;

export class JointSpace {
  /** The servos that stand for the joints, in the order of ARM_JOINTS. */
  readonly joints: readonly ServoProfile[];
  readonly #models: readonly Model[];
  readonly #gripper: GripperConvention;

  /** Throws RigError when the profile lacks a joint, UnknownModelError. */
  constructor(profile: ArmProfile, gripper: GripperConvention) {
    this.joints = ARM_JOINTS.map((name) => {
      const servo = profile.servos.find((candidate) => candidate.name === name);
      if (!servo) throw new RigError(`arm profile ${profile.name} has no servo for joint ${name}`);
      return servo;
    });
    this.#models = this.joints.map(({ model }) => modelByName(model));
    this.#gripper = gripper;
  }

  /** Goal of a joint [rad, gripper 0 to 1] -> Goal Position [tick], within the servo's limits. Safe in the loop. */
  toTick(joint: number, goal: number): number {
    const { minTick, maxTick } = this.joints[joint]!;
    const { open, close } = this.#gripper.joint;
    const angle = joint === GRIPPER ? close + goal * (open - close) : goal;
    const tick = Math.round(ZERO_TICK + angle / RADIANS_PER_TICK);
    return Math.min(Math.max(tick, minTick), maxTick);
  }

  /** Present Position [tick] -> rad, gripper 0 to 1. Safe in the loop. */
  position(joint: number, tick: number): number {
    const angle = (tick - ZERO_TICK) * RADIANS_PER_TICK;
    if (joint !== GRIPPER) return angle;
    const { observed } = this.#gripper;
    const { open, close } = this.#gripper[observed];
    return ((observed === 'finger' ? fingerAt(this.#gripper, angle) : angle) - close) / (open - close);
  }

  /** Present Velocity [0.229 rev/min] at a position [tick] -> rad/s, gripper 1/s. Safe in the loop. */
  velocity(joint: number, raw: number, tick: number): number {
    const speed = raw * VELOCITY_UNIT;
    if (joint !== GRIPPER) return speed;
    const { observed, joint: servo } = this.#gripper;
    return observed === 'finger'
      ? this.openingPerRadian((tick - ZERO_TICK) * RADIANS_PER_TICK) * speed
      : speed / (servo.open - servo.close);
  }

  /** Present Current or Load -> share of the servo's stall current. Safe in the loop. */
  effort(joint: number, raw: number): number {
    const model = this.#models[joint]!;
    return model.hasCurrent ? (raw * CURRENT_UNIT) / model.stallCurrentA : raw * LOAD_UNIT;
  }

  /** Angle of the gripper's servo at an opening of its fingers, 0 to 1 [rad]: the inverse of the crank and its rod. */
  gripperAngle(opening: number): number {
    const { hornRadiusM: crank, rodLengthM: rod, finger } = this.#gripper;
    const distance = finger.close + opening * (finger.open - finger.close);
    const sine = (distance ** 2 + crank ** 2 - rod ** 2) / (2 * distance * crank);
    return Math.asin(Math.min(Math.max(sine, -1), 1));
  }

  /** How much the fingers open per turn of their servo there [1/rad]. */
  openingPerRadian(angle: number): number {
    const { open, close } = this.#gripper.finger;
    return this.#fingerPerRadian(angle) / (open - close);
  }

  #fingerPerRadian(angle: number): number {
    const { hornRadiusM: crank, rodLengthM: rod } = this.#gripper;
    const along = Math.sqrt(Math.max(1e-12, rod ** 2 - (crank * Math.cos(angle)) ** 2));
    return crank * Math.cos(angle) * (1 + (crank * Math.sin(angle)) / along);
  }
}
