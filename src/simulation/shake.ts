/**
 * Shakes open hands while demonstrations are recorded: the motors get goals that wander around those commanded, and the
 * recorded commands stay clean. What is learned from them includes the way back (disturbances for augmenting robot
 * trajectories, DART: Laskey et al. 2017). A hand is shaken in proportion to its commanded opening: one that holds
 * something is not.
 */
import { Random } from '../contract/random.js';
import { ARM_JOINTS, DOF, isGripper } from '../contract/robot.js';

/** Control steps over which a wandering goal forgets where it was. */
const MEMORY_STEPS = 15;

export class Shake {
  readonly #deviation: number;
  readonly #offset = new Float64Array(DOF);
  #random = new Random(0, 'shake');

  /** @param deviation standard deviation of an open hand's joint goals [rad]; 0 changes nothing */
  constructor(deviation: number) {
    this.#deviation = deviation;
  }

  /** Begins an episode; the same seed shakes alike. */
  reset(seed: number): void {
    this.#random = new Random(seed, 'shake');
    this.#offset.fill(0);
  }

  /** Moves `goal` (14,), in place. */
  apply(goal: Float64Array): void {
    if (this.#deviation === 0) return;
    const keep = Math.exp(-1 / MEMORY_STEPS);
    const spread = this.#deviation * Math.sqrt(1 - keep ** 2);
    for (let i = 0; i < DOF; i += 1) {
      if (isGripper(i)) continue;
      this.#offset[i] = keep * this.#offset[i]! + this.#random.normal(spread);
      const gripper = i - (i % ARM_JOINTS.length) + ARM_JOINTS.length - 1;
      goal[i]! += this.#offset[i]! * goal[gripper]!;
    }
  }
}
