/** Plays recorded actions back, one per tick, then says nothing more. */
import type { ActionSource } from '../contract/policy.js';
import { DOF } from '../contract/robot.js';

export class ReplaySource implements ActionSource {
  readonly name = 'replay';
  readonly #actions: Float64Array;
  readonly #action = new Float64Array(DOF);
  #row = 0;

  /** @param actions shape (T, 14), row-major [rad, grippers normalised]; borrowed */
  constructor(actions: Float64Array) {
    this.#actions = actions;
  }

  reset(): void {
    this.#row = 0;
  }

  decide(): Float64Array | undefined {
    const start = this.#row * DOF;
    if (start >= this.#actions.length) return undefined;
    for (let joint = 0; joint < DOF; joint++) this.#action[joint] = this.#actions[start + joint]!;
    this.#row++;
    return this.#action;
  }

  async close(): Promise<void> {}
}
