/**
 * The mechanics that emulated arms belong to when another simulator moves them: servos only say where they want to be,
 * and read where the plant's joints are. What holds a joint elsewhere there, holds the servo.
 */
import { ARM_JOINTS } from '../../contract/robot.js';
import { RADIANS_PER_TICK, ZERO_TICK } from '../dynamixel/controlTable.js';
import { servoJoints, type LineArm, type ServoJoint } from './lineArm.js';

const JOINTS = ARM_JOINTS.length;
const GRIPPER = JOINTS - 1;

/** Joints of all its arms, 7 after 7: rad, grippers' fingers 0 closed to 1 open. Arrays are its own. */
export interface Plant {
  /** Time of one step [ms]. */
  readonly stepMs: number;
  readonly position: Float64Array;
  /** rad/s, grippers 1/s. */
  readonly velocity: Float64Array;
  /** N m at the joint; grippers N at a finger. */
  readonly effort: Float64Array;
  /** One step towards `targets`; NaN where no motor pulls. */
  step(targets: Float64Array): void;
  /** A message for it alone, such as one that puts its objects back. */
  obey(order: unknown): void;
}

/** What the module of a plant exports: it is loaded in the emulator's thread. */
export interface PlantModule {
  createPlant(options: unknown): Promise<Plant>;
}

/** A longer silence of the thread is skipped, not caught up with: the lines have to be answered meanwhile [ms]. */
const LONGEST_CATCH_UP_MS = 20;
/** A finger's force against the torque of its servo: the crank's length, more or less [m]. */
const FINGER_LEVER_M = 0.022;

export class PlantCoupling {
  readonly #plant: Plant;
  readonly #joints: readonly PlantJoint[];
  readonly #targets: Float64Array;
  #nowMs: number | undefined;

  /** @param arms in the order of the plant's joints */
  constructor(plant: Plant, arms: readonly LineArm[]) {
    this.#plant = plant;
    this.#targets = new Float64Array(arms.length * JOINTS);
    this.#joints = arms.flatMap((arm) => servoJoints(arm).map((joint) => new PlantJoint(joint)));
    this.#scatter();
  }

  /** Lets the plant's time pass up to `nowMs`. */
  advance(nowMs: number): void {
    const { stepMs } = this.#plant;
    if (this.#nowMs === undefined || nowMs - this.#nowMs > LONGEST_CATCH_UP_MS) this.#nowMs = nowMs;
    while (this.#nowMs + stepMs <= nowMs) {
      this.#nowMs += stepMs;
      this.#joints.forEach((joint, i) => (this.#targets[i] = joint.target()));
      this.#plant.step(this.#targets);
      this.#scatter();
    }
  }

  #scatter(): void {
    const { position, velocity, effort } = this.#plant;
    this.#joints.forEach((joint, i) => joint.set(position[i]!, velocity[i]!, effort[i]!));
  }
}

/** One joint of the plant and the servos on it. */
class PlantJoint {
  readonly #on: ServoJoint;

  constructor(on: ServoJoint) {
    this.#on = on;
  }

  /** Where the driver, or the hand that holds it, wants the joint. */
  target(): number {
    const { servos, space, joint } = this.#on;
    const tick = servos[0]!.targetTick;
    return tick === undefined ? Number.NaN : space.position(joint, tick);
  }

  set(position: number, velocity: number, effort: number): void {
    const { servos, space, joint } = this.#on;
    const isGripper = joint === GRIPPER;
    const angle = isGripper ? space.gripperAngle(position) : position;
    const tick = ZERO_TICK + angle / RADIANS_PER_TICK;
    const speed = isGripper ? velocity / space.openingPerRadian(angle) : velocity;
    const torque = (isGripper ? effort * FINGER_LEVER_M : effort) / servos.length;
    for (const servo of servos) servo.carry(tick, speed, torque);
  }
}
