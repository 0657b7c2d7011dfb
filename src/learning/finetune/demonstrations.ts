/** Which demonstrated chunks a cloning step learns from: known for the whole run from its seed. */
import { Sampler } from '../../episodes/sampler.js';
import type { ChunkReference } from './replay.js';

export interface Demonstration {
  readonly path: string;
  /** Control steps. */
  readonly steps: number;
}

export class DemonstrationSampler {
  readonly #episodes: readonly Demonstration[];
  readonly #sampler: Sampler;
  readonly #batchSize: number;

  /** Throws EpisodeError when there are no demonstrations. */
  constructor(episodes: readonly Demonstration[], batchSize: number, seed: number) {
    this.#episodes = episodes;
    this.#batchSize = batchSize;
    this.#sampler = new Sampler(
      episodes.map(({ steps }) => steps),
      seed,
    );
  }

  /** Samples of cloning step `step`. */
  batch(step: number): ChunkReference[] {
    return Array.from({ length: this.#batchSize }, (_, i) => {
      const sample = this.#sampler.at(step * this.#batchSize + i);
      return { path: this.#episodes[sample.episode]!.path, step: sample.step };
    });
  }
}
