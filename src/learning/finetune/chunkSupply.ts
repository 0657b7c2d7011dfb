/**
 * Chunks on their way to the optimizer. Waiting for them is timed, and an episode that cannot be read is set aside and
 * drawn around: learning goes on at the batch that failed, and no step is taken twice.
 */
import type { ActBatch } from '../../network/actBatch.js';
import type { ChunkReference } from './replay.js';
import { CorruptEpisodeError } from './sampleLoader.js';

/** Fetches chunks as batches. */
export interface ChunkSource {
  /** Throws CorruptEpisodeError for an episode that cannot be read. */
  load(samples: readonly ChunkReference[]): Promise<ActBatch>;
}

/** A batch under way. */
export interface ChunkOrder<S extends ChunkReference> {
  /** Which samples; asked again when one of them cannot be read. */
  readonly draw: () => readonly S[];
  readonly samples: readonly S[];
  readonly loading: Promise<ActBatch>;
}

export interface Delivery<S extends ChunkReference> {
  readonly samples: readonly S[];
  readonly batch: ActBatch;
}

export class ChunkSupply implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #unreadable = new Set<string>();
  #delivered: (readonly ChunkReference[])[] = [];
  #waitingMs = 0;
  /** Told once of each episode that cannot be read; from then on it must not be drawn. By default that is thrown. */
  onUnreadable: (error: CorruptEpisodeError) => void = (error) => {
    throw error;
  };

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  /** Time that was spent waiting for batches so far [ms]. */
  get waitingMs(): number {
    return this.#waitingMs;
  }

  /** Samples of the batches delivered since this was read before, in their order. */
  takeDelivered(): (readonly ChunkReference[])[] {
    const delivered = this.#delivered;
    this.#delivered = [];
    return delivered;
  }

  isReadable(path: string): boolean {
    return !this.#unreadable.has(path);
  }

  /** Sets an episode aside, as a batch does in which it cannot be read. */
  refuse(error: CorruptEpisodeError): void {
    if (this.#unreadable.has(error.path)) return;
    this.#unreadable.add(error.path);
    this.onUnreadable(error);
  }

  async load(samples: readonly ChunkReference[]): Promise<ActBatch> {
    return await this.#source.load(samples);
  }

  /** Asks for a batch that is needed later. */
  order<S extends ChunkReference>(draw: () => readonly S[]): ChunkOrder<S> {
    const samples = draw();
    const loading = this.load(samples);
    loading.catch(() => {}); // Thrown where it is awaited.
    return { draw, samples, loading };
  }

  /** Waits for a batch. Undefined when nothing that can be read is left to draw. */
  async deliver<S extends ChunkReference>(order: ChunkOrder<S>): Promise<Delivery<S> | undefined> {
    const began = performance.now();
    try {
      for (
        let { samples, loading } = order;
        samples.length > 0;
        { samples, loading } = this.order(order.draw)
      ) {
        try {
          const batch = await loading;
          this.#delivered.push(samples);
          return { samples, batch };
        } catch (error) {
          if (!(error instanceof CorruptEpisodeError)) throw error;
          // An order placed before may know an episode that was set aside since; one drawn since then may not.
          if (this.#unreadable.has(error.path) && samples !== order.samples) throw error;
          this.refuse(error);
        }
      }
      return undefined;
    } finally {
      this.#waitingMs += performance.now() - began;
    }
  }

  async fetch<S extends ChunkReference>(draw: () => readonly S[]): Promise<Delivery<S> | undefined> {
    return await this.deliver(this.order(draw));
  }
}
