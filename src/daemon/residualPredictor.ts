/** A predictor whose chunks are corrected by the policy's residual, if it has one. */
import type { ChunkResidual } from '../contract/checkpoint.js';
import type { ActionChunk } from '../contract/policy.js';
import type { Predictor } from '../policy/inferenceClient.js';
import { offsetChunk } from '../simulation/chunkOffset.js';

export const withResidual = (predictor: Predictor, residual: ChunkResidual | undefined): Predictor =>
  residual ? new ResidualPredictor(predictor, residual) : predictor;

class ResidualPredictor implements Predictor {
  readonly #predictor: Predictor;
  readonly #residual: ChunkResidual;

  constructor(predictor: Predictor, residual: ChunkResidual) {
    this.#predictor = predictor;
    this.#residual = residual;
  }

  get idle() {
    return this.#predictor.idle;
  }

  get images() {
    return this.#predictor.images;
  }

  get latency() {
    return this.#predictor.latency;
  }

  submit(step: number, qpos: Float64Array, environmentState: Float64Array): void {
    this.#predictor.submit(step, qpos, environmentState);
  }

  poll(): ActionChunk | undefined {
    return this.#correct(this.#predictor.poll());
  }

  wait(): ActionChunk | undefined {
    return this.#correct(this.#predictor.wait());
  }

  async close(): Promise<void> {
    await this.#predictor.close();
  }

  /** A chunk that cannot be moved so far stays as it is. */
  #correct(chunk: ActionChunk | undefined): ActionChunk | undefined {
    const { fromStep, arm, offsetM } = this.#residual;
    if (!chunk || chunk.step < fromStep) return chunk;
    const moved = offsetChunk(Float64Array.from(chunk.actions), arm, offsetM);
    return moved ? { ...chunk, actions: Float32Array.from(moved) } : chunk;
  }
}
