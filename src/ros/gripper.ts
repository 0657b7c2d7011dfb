/** How the ALOHA stack tells grippers: positions of the fingers [m] in joint_states, the motor's angle [rad] in commands. */
import type { GripperConvention } from '../contract/arm.js';

export class RosGripper {
  readonly #joint: GripperConvention['joint'];
  readonly #finger: GripperConvention['finger'];

  constructor({ joint, finger }: Pick<GripperConvention, 'joint' | 'finger'>) {
    this.#joint = joint;
    this.#finger = finger;
  }

  /** Distance that a finger goes from closed to open [m]. */
  get fingerTravelM(): number {
    return this.#finger.open - this.#finger.close;
  }

  /** Angle that the motor turns from closed to open [rad]. */
  get motorTravel(): number {
    return this.#joint.open - this.#joint.close;
  }

  /** Finger position [m] of a normalised opening. */
  fingerOf(opening: number): number {
    return this.#finger.close + opening * this.fingerTravelM;
  }

  /** Normalised opening of a finger position [m]. */
  openingOf(fingerM: number): number {
    return (fingerM - this.#finger.close) / this.fingerTravelM;
  }

  /** Motor angle [rad] of a normalised opening. */
  motorOf(opening: number): number {
    return this.#joint.close + opening * this.motorTravel;
  }

  /** Normalised opening of a motor angle [rad]. */
  openingOfMotor(angle: number): number {
    return (angle - this.#joint.close) / this.motorTravel;
  }
}
