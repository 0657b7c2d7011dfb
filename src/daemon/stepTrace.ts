/** Keeps what an episode looked like, step by step, for comparisons afterwards. */
import { DOF } from '../contract/robot.js';
import type { Step, StepListener } from '../contract/step.js';

export class StepTrace implements StepListener {
  readonly #qpos: Float64Array<ArrayBuffer>;
  readonly #reward: Float64Array<ArrayBuffer>;
  #steps = 0;

  constructor(steps: number) {
    this.#qpos = new Float64Array(steps * DOF);
    this.#reward = new Float64Array(steps);
  }

  onStep({ observation, reward }: Step): void {
    this.#qpos.set(observation.qpos, this.#steps * DOF);
    this.#reward[this.#steps] = reward;
    this.#steps++;
  }

  /** (T, 14) observed before each action and (T,) rewards after it. */
  take(): { qpos: Float64Array; reward: Float64Array } {
    return { qpos: this.#qpos.slice(0, this.#steps * DOF), reward: this.#reward.slice(0, this.#steps) };
  }
}
