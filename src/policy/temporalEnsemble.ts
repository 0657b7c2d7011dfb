/**
 * Temporal ensemble of ACT (Zhao et al. 2023): the action of a step is the weighted mean of every prediction made for
 * it, w_i = exp(-m i), where i = 0 is the oldest prediction.
 *
 * The original averages normalised actions; as de-normalising is affine and the weights sum to one, the mean of
 * de-normalised ones is the same. The original takes a row that holds an exact zero for missing; here a chunk covers a
 * step or it does not.
 */
import type { ActionChunk } from '../contract/policy.js';
import { DOF } from '../contract/robot.js';
import type { ChunkMixer } from './chunkMixer.js';

/** Source: tonyzhaozh/act imitate_episodes.py (k = 0.01). */
const DEFAULT_M = 0.01;

export class TemporalEnsemble implements ChunkMixer {
  readonly #chunkSize: number;
  readonly #m: number;
  /** Ring of the newest chunks. No more than chunkSize of them, one per step, can cover one step. */
  readonly #actions: Float32Array;
  readonly #steps: Float64Array;
  #added = 0;

  constructor(chunkSize: number, m = DEFAULT_M) {
    this.#chunkSize = chunkSize;
    this.#m = m;
    this.#actions = new Float32Array(chunkSize * chunkSize * DOF);
    this.#steps = new Float64Array(chunkSize);
  }

  reset(): void {
    this.#added = 0;
  }

  add(chunk: ActionChunk): void {
    const slot = this.#added % this.#chunkSize;
    this.#steps[slot] = chunk.step;
    this.#actions.set(chunk.actions, slot * this.#chunkSize * DOF);
    this.#added++;
  }

  at(step: number, out: Float64Array): boolean {
    out.fill(0);
    let totalWeight = 0;
    let older = 0;
    for (let n = Math.max(0, this.#added - this.#chunkSize); n < this.#added; n++) {
      const slot = n % this.#chunkSize;
      const row = step - this.#steps[slot]!;
      if (row < 0 || row >= this.#chunkSize) continue;
      const weight = Math.exp(-this.#m * older++);
      const start = (slot * this.#chunkSize + row) * DOF;
      for (let joint = 0; joint < DOF; joint++) {
        out[joint] = out[joint]! + weight * this.#actions[start + joint]!;
      }
      totalWeight += weight;
    }
    if (older === 0) return false;
    for (let joint = 0; joint < DOF; joint++) out[joint] = out[joint]! / totalWeight;
    return true;
  }
}
