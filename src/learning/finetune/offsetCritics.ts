/**
 * Best of N: critics learn which constant offset of a policy's last chunk succeeds from what the policy saw, from
 * branches that were played. Each of the ensemble sees its own share of the samples, drawn once, so that they disagree
 * where there is little to know.
 */
import { Interrupted } from '../../contract/errors.js';
import { RandomStream } from '../../episodes/randomStream.js';
import type { ActBatch } from '../../network/actBatch.js';
import type { ActConfig } from '../../network/actConfig.js';
import type { Weights } from '../../network/actParameters.js';
import type { CriticConfig } from '../../network/critic.js';
import { CriticTrainer } from '../../network/criticTrainer.js';
import { offsetCriticConfig, type Offset } from '../../network/offsetChoice.js';
import type { ChunkSource } from './chunkSupply.js';
import { FAILED, SOLVED } from './farming.js';
import { draw, type ChunkReference } from './replay.js';

/** A chunk that was played with an offset. */
export interface TriedOffset extends ChunkReference {
  readonly offset: Offset;
  readonly solved: boolean;
}

export interface OffsetCritics {
  readonly config: CriticConfig;
  readonly weights: Weights;
  /** Of the last steps. */
  readonly loss: number;
}

export interface OffsetCriticOptions {
  readonly actor: ActConfig;
  readonly steps: number;
  readonly seed: number;
  readonly threads: number;
  readonly onStep: (step: number, loss: number) => void;
  readonly signal: AbortSignal;
}

const HEADS = 5;
const BATCH = 16;
/** Probability that a critic learns from a sample. */
const BOOTSTRAP = 0.8;
/** Steps of which the loss is the mean. */
const REPORTED = 100;

/** `tried` must hold some that succeeded and some that failed. `chunks` gives feature maps. Throws Interrupted, TrainingError. */
export async function trainOffsetCritics(
  tried: readonly TriedOffset[],
  chunks: ChunkSource,
  { actor, steps, seed, threads, onStep, signal }: OffsetCriticOptions,
): Promise<OffsetCritics> {
  const config = offsetCriticConfig(actor, HEADS);
  const critic = await CriticTrainer.create({
    config,
    batchSize: BATCH,
    seed,
    groups: [{ prefix: '', learningRate: 2e-4, weightDecay: 1e-3 }],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 10 },
    threads,
  });
  try {
    const samples = tried.map((one, i) => {
      const random = RandomStream.of(seed, 'bootstrap', i);
      return { ...one, heads: Array.from({ length: HEADS }, () => (random.uniform() < BOOTSTRAP ? 1 : 0)) };
    });
    const good = samples.filter(({ solved }) => solved);
    const bad = samples.filter(({ solved }) => !solved);
    const drawn = (step: number) => {
      const random = RandomStream.of(seed, 'offsets', step);
      return [...draw(good, BATCH / 2, random), ...draw(bad, BATCH / 2, random)];
    };
    const fetch = (step: number) => {
      const batch = drawn(step);
      const loading = chunks.load(batch);
      loading.catch(() => {}); // Thrown where it is awaited.
      return { batch, loading };
    };
    const losses: number[] = [];
    let loss = Number.NaN;
    let next = fetch(0);
    for (let step = 0; step < steps; step++) {
      if (signal.aborted) throw new Interrupted('training the critics was stopped');
      const { batch, loading } = next;
      next = fetch(step + 1);
      losses.push(
        await critic.train(
          withOffsets(await loading, batch),
          Float32Array.from(batch, ({ solved }) => (solved ? SOLVED : FAILED)),
          Float32Array.from(batch.flatMap(({ heads }) => heads)),
        ),
      );
      if (losses.length > REPORTED) losses.shift();
      loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
      onStep(step + 1, loss);
    }
    await next.loading;
    return { config, weights: critic.learner.copyWeights('weights'), loss };
  } finally {
    await critic.close();
  }
}

/** Observations of the chunks' starts, with the offsets in place of their actions. */
function withOffsets(batch: ActBatch, tried: readonly TriedOffset[]): ActBatch {
  return {
    ...batch,
    actions: Float32Array.from(tried.flatMap(({ offset }) => offset)),
    isPad: new Uint8Array(tried.length),
  };
}
