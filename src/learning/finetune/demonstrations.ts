/** Which demonstrated chunks a cloning step learns from: known for the whole run from its seed. */
import { EpisodeError } from '../../contract/errors.js';
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
  /** Episodes that can no longer be read. */
  readonly #dropped = new Set<string>();

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
      const { path, steps } = this.#readable(sample.episode);
      return { path, step: Math.min(sample.step, steps - 1) };
    });
  }

  /** Leaves an episode out; the next one in the list takes its place. Throws EpisodeError when it was the last. */
  drop(path: string): void {
    this.#dropped.add(path);
    if (this.#episodes.every((episode) => this.#dropped.has(episode.path)))
      throw new EpisodeError('none of the demonstrations can be read any more: record or restore some');
  }

  #readable(first: number): Demonstration {
    let place = first;
    while (this.#dropped.has(this.#episodes[place]!.path)) place = (place + 1) % this.#episodes.length;
    return this.#episodes[place]!;
  }
}
