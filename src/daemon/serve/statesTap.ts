/** Copies the physics state of every tick for those who draw it, where there is physics. */
import type { StepListener } from '../../contract/step.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import type { CellPhysics } from '../workcell.js';

export class StatesTap implements StepListener {
  #sample: SharedSample | undefined;
  #fill: (values: Float64Array) => void = () => {};

  /** From now on; returns the memory to read from. */
  of(physics: CellPhysics): SharedArrayBuffer {
    this.#sample = SharedSample.allocate(physics.stateSize);
    this.#fill = (values) => {
      physics.getState(values);
    };
    return this.#sample.memory;
  }

  onStep(): void {
    this.#sample?.write(this.#fill);
  }
}
