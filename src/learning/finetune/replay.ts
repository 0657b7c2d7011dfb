/**
 * The replay: references to judged chunks, never the chunks themselves. Episodes stay in the episode store; a sample
 * costs some dozen bytes, so that 100,000 of them are nothing. Successes and failures have a first-in first-out list
 * each.
 */
import type { RandomStream } from '../../episodes/randomStream.js';
import { SOLVED } from './farming.js';

/** A chunk of a recorded episode. */
export interface ChunkReference {
  /** The episode's file. */
  readonly path: string;
  /** Step that the chunk starts at. */
  readonly step: number;
}

export interface JudgedChunk extends ChunkReference {
  /** +0.5 or -0.5. */
  readonly label: number;
  /** Number of the roll-out that it comes from; -1 for demonstrations and prior data. */
  readonly rollout: number;
  /** Seed of the episode's start pose. */
  readonly seed: number;
  /** Version of the weights that acted. */
  readonly actorVersion: number;
  readonly fromDemo: boolean;
  /** A branch that took a chunk's place, to be imitated in its stead; see `SelfImitation`. */
  readonly correction?: true;
}

export class Replay {
  readonly #capacity: number;
  #successes: JudgedChunk[] = [];
  #failures: JudgedChunk[] = [];

  /** `capacity`: samples kept of each kind. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get successes(): readonly JudgedChunk[] {
    return this.#successes;
  }

  get failures(): readonly JudgedChunk[] {
    return this.#failures;
  }

  add(samples: readonly JudgedChunk[]): void {
    for (const sample of samples) {
      const list = sample.label === SOLVED ? this.#successes : this.#failures;
      list.push(sample);
      if (list.length > this.#capacity) list.shift();
    }
  }

  /** Forgets an episode that can no longer be read. */
  drop(path: string): void {
    const others = ({ path: other }: JudgedChunk) => other !== path;
    this.#successes = this.#successes.filter(others);
    this.#failures = this.#failures.filter(others);
  }
}

/** Draws `count` items, distinct while there are enough. Empty when there is nothing to draw from. */
export function draw<T>(items: readonly T[], count: number, random: RandomStream): T[] {
  if (items.length === 0) return [];
  if (items.length < count) return Array.from({ length: count }, () => items[random.below(items.length)]!);
  // Floyd's algorithm: as many draws as items wanted, however long the list.
  const chosen = new Set<number>();
  for (let bound = items.length - count; bound < items.length; bound++) {
    const index = random.below(bound + 1);
    chosen.add(chosen.has(index) ? bound : index);
  }
  return random.shuffle([...chosen]).map((index) => items[index]!);
}
