/**
 * Executes the newest chunk open loop. A chunk that arrives late is entered at its true row, never at its beginning,
 * and is faded in over some steps, so that the goal does not jump.
 */
import type { ActionChunk } from '../contract/policy.js';
import { DOF } from '../contract/robot.js';
import type { ChunkMixer } from './chunkMixer.js';

export class ChunkExecution implements ChunkMixer {
  readonly #chunkSize: number;
  readonly #fadeSteps: number;
  /** Current and previous chunk; which is which alternates. */
  readonly #actions: readonly [Float32Array, Float32Array];
  readonly #steps: [number, number] = [0, 0];
  #held = 0;
  #current = 0;
  /** First step that the current chunk was used for; NaN until then. */
  #fadeFrom = Number.NaN;

  /** @param fadeSteps steps over which a new chunk takes over from the one before; 0 switches at once */
  constructor(chunkSize: number, fadeSteps: number) {
    this.#chunkSize = chunkSize;
    this.#fadeSteps = fadeSteps;
    this.#actions = [new Float32Array(chunkSize * DOF), new Float32Array(chunkSize * DOF)];
  }

  reset(): void {
    this.#held = 0;
  }

  add(chunk: ActionChunk): void {
    this.#current = 1 - this.#current;
    this.#actions[this.#current]!.set(chunk.actions);
    this.#steps[this.#current] = chunk.step;
    this.#held = Math.min(this.#held + 1, 2);
    this.#fadeFrom = Number.NaN;
  }

  at(step: number, out: Float64Array): boolean {
    const start = this.#held > 0 ? this.#rowAt(this.#current, step) : -1;
    if (start < 0) return false;
    if (Number.isNaN(this.#fadeFrom)) this.#fadeFrom = step;

    const before = this.#held > 1 ? this.#rowAt(1 - this.#current, step) : -1;
    const share = before < 0 ? 1 : Math.min(1, (step - this.#fadeFrom + 1) / (this.#fadeSteps + 1));
    const newer = this.#actions[this.#current]!;
    const older = this.#actions[1 - this.#current]!;
    for (let joint = 0; joint < DOF; joint++) {
      const target = newer[start + joint]!;
      out[joint] = share === 1 ? target : share * target + (1 - share) * older[before + joint]!;
    }
    return true;
  }

  /** Index of the first number of the row for `step`; -1 when the chunk does not cover it. */
  #rowAt(which: number, step: number): number {
    const row = step - this.#steps[which]!;
    return row >= 0 && row < this.#chunkSize ? row * DOF : -1;
  }
}
