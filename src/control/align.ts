/** A slow ramp from where the arms are to the first goal, so that no episode begins with a violent move. */
import type { ActionSource } from '../contract/policy.js';
import { CONTROL_PERIOD_S, DOF, isGripper } from '../contract/robot.js';

/** Fastest joint during the ramp [rad/s]; the peak of a minimum-jerk move is 15/8 of its mean speed. */
const PEAK_SPEED = 0.8;
/** Grippers are normalised: fully open to closed takes a second and a half [1/s]. */
const GRIPPER_PEAK_SPEED = 1.25;
const PEAK_OVER_MEAN = 15 / 8;

/** Minimum-jerk position for time fraction 0..1 (Flash and Hogan 1985): starts and ends at rest. */
export const minimumJerk = (time: number): number => time ** 3 * (10 - 15 * time + 6 * time ** 2);

/** Ticks that a slow ramp of entry `joint` of a 14-vector takes over `distance` [rad, grippers normalised]. */
export function rampSteps(joint: number, distance: number): number {
  const peak = isGripper(joint) ? GRIPPER_PEAK_SPEED : PEAK_SPEED;
  return Math.ceil((Math.abs(distance) * PEAK_OVER_MEAN) / peak / CONTROL_PERIOD_S);
}

/** Run it as an episode of `steps` ticks before the one that matters; it stays at the goal afterwards. */
export class Alignment implements ActionSource {
  readonly name = 'align';
  /** Ticks until the goal is reached. */
  readonly steps: number;
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  readonly #action = new Float64Array(DOF);
  #ticks = 0;

  /**
   * @param from where the arms are, shape (14,) [rad, grippers normalised]; copied
   * @param to where they shall be, shape (14,); copied
   */
  constructor(from: Float64Array, to: Float64Array) {
    this.#from = from.slice();
    this.#to = to.slice();
    let steps = 1;
    for (let joint = 0; joint < DOF; joint++)
      steps = Math.max(steps, rampSteps(joint, to[joint]! - from[joint]!));
    this.steps = steps;
  }

  reset(): void {
    this.#ticks = 0;
  }

  decide(): Float64Array {
    this.#ticks = Math.min(this.#ticks + 1, this.steps);
    const progress = minimumJerk(this.#ticks / this.steps);
    for (let joint = 0; joint < DOF; joint++) {
      this.#action[joint] = this.#from[joint]! + progress * (this.#to[joint]! - this.#from[joint]!);
    }
    return this.#action;
  }

  async close(): Promise<void> {}
}
