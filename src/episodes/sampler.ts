/**
 * Draws training samples (an episode and a start step): every step of every episode once per epoch, in an order that
 * depends on seed and epoch alone. The state is one number, so a resumed run draws on as if it had never stopped.
 */
import { EpisodeError } from '../contract/errors.js';
import { RandomStream } from './randomStream.js';

/** One sample: the place of the episode in the list, and the step that the action chunk starts at. */
export interface Sample {
  readonly episode: number;
  readonly step: number;
}

export class Sampler {
  readonly #seed: number;
  /** Global step number of the first step of each episode, and the total behind the last. */
  readonly #starts: Uint32Array;
  readonly #total: number;
  #order = new Uint32Array();
  #epoch = -1;
  /** Samples drawn so far: the whole state. */
  position: number;

  /** `lengths`: start steps of each episode. Throws EpisodeError when there is nothing to draw from. */
  constructor(lengths: readonly number[], seed: number, position = 0) {
    this.#seed = seed;
    this.#starts = new Uint32Array(lengths.length + 1);
    lengths.forEach((length, i) => (this.#starts[i + 1] = this.#starts[i]! + length));
    this.#total = this.#starts[lengths.length]!;
    if (this.#total === 0) throw new EpisodeError('there are no steps to draw from: record episodes first');
    this.position = position;
  }

  /** Samples of one epoch. */
  get epochSize(): number {
    return this.#total;
  }

  next(): Sample {
    return this.at(this.position++);
  }

  /** Sample number `position` of the run. Fast while the epoch stays the same. */
  at(position: number): Sample {
    const epoch = Math.floor(position / this.#total);
    if (epoch !== this.#epoch) this.#order = this.#orderOf(epoch);
    this.#epoch = epoch;
    const global = this.#order[position % this.#total]!;
    const episode = lastNotAbove(this.#starts, global);
    return { episode, step: global - this.#starts[episode]! };
  }

  #orderOf(epoch: number): Uint32Array<ArrayBuffer> {
    const order = Uint32Array.from({ length: this.#total }, (_, i) => i);
    return RandomStream.of(this.#seed, 'sampler', epoch).shuffle(order);
  }
}

/** Splits episodes into training and validation by drawing whole episodes. Both lists are in order. */
export function splitEpisodes(
  count: number,
  validationFraction: number,
  seed: number,
): { readonly training: number[]; readonly validation: number[] } {
  const order = RandomStream.of(seed, 'split').shuffle(Array.from({ length: count }, (_, i) => i));
  const held = Math.min(Math.max(count - 1, 0), Math.round(count * validationFraction));
  const ascending = (a: number, b: number) => a - b;
  return { training: order.slice(held).sort(ascending), validation: order.slice(0, held).sort(ascending) };
}

/** Index of the last entry of the ascending `starts` that is not above `value`. */
function lastNotAbove(starts: Uint32Array, value: number): number {
  let low = 0;
  for (let high = starts.length - 1; high - low > 1;) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}
