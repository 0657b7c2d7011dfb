/**
 * How far the actor has gone from the policy that it started from, and how well it still does what was demonstrated:
 * L1 in normalised units with z = 0, on a batch that stays the same for the whole run. Looks only: no step and no random
 * stream of the training depends on it.
 */
import { RandomStream } from '../../episodes/randomStream.js';
import type { ActBatch } from '../../network/actBatch.js';
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { WeightKind } from '../../network/learner.js';
import type { Demonstration } from './demonstrations.js';
import type { ChunkReference } from './replay.js';

/** Samples of the batch: a forward pass of so many costs a fraction of one roll-out. */
const SAMPLES = 16;

export interface ProbeOptions {
  /** At present with the weights of the policy to start from. */
  readonly trainer: ActorTrainer;
  /** Demonstrated chunks. */
  readonly batch: ActBatch;
  /** Whether none of them is learned from. */
  readonly heldOut: boolean;
  /** The weights that act. */
  readonly kind: WeightKind;
  /** Standard deviations of the actions, shape (actionSize,). */
  readonly std: readonly number[];
}

export interface ProbeResult {
  /** Mean distance of the chunks from those of the start policy. */
  readonly drift: number;
  /** Mean distance from what was demonstrated; only of demonstrations that were held out. */
  readonly validationL1?: number;
}

export class ActorProbe {
  readonly #options: ProbeOptions;
  /** (B, k, actionSize), raw units. */
  readonly #start: Float32Array;

  static async open(options: ProbeOptions): Promise<ActorProbe> {
    const { trainer, batch, kind } = options;
    return new ActorProbe(options, await trainer.chunks(batch, kind));
  }

  private constructor(options: ProbeOptions, start: Float32Array) {
    this.#options = options;
    this.#start = start;
  }

  async measure(): Promise<ProbeResult> {
    const { trainer, batch, heldOut, kind, std } = this.#options;
    const now = await trainer.chunks(batch, kind);
    const drift = meanDistance(now, this.#start, std);
    if (!heldOut) return { drift };
    return { drift, validationL1: meanDistance(now, batch.actions, std, batch.isPad) };
  }
}

/** Places in `episodes` that are probed, the same for every run of these episodes and seed. */
export function probeSamples(episodes: readonly Demonstration[], seed: number): ChunkReference[] {
  const random = RandomStream.of(seed, 'probe');
  return Array.from({ length: SAMPLES }, (_, i) => {
    const { path, steps } = episodes[i % episodes.length]!;
    return { path, step: random.below(steps) };
  });
}

/** Mean of |a - b| / std over all rows that are not padding. */
function meanDistance(a: Float32Array, b: Float32Array, std: readonly number[], isPad?: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let row = 0; row * std.length < a.length; row++) {
    if (isPad?.[row] === 1) continue;
    for (let i = 0; i < std.length; i++) {
      const at = row * std.length + i;
      sum += Math.abs(a[at]! - b[at]!) / std[i]!;
    }
    count += std.length;
  }
  return sum / count;
}
