/** What every algorithm of fine-tuning works with: the actor, chunks to learn from, and what a roll-out brought. */
import type { ActBatch } from '../../network/actBatch.js';
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { Weight } from '../../network/actParameters.js';
import { RandomStream } from '../../episodes/randomStream.js';
import type { ChunkTimes } from './farming.js';
import type { ChunkReference, JudgedChunk } from './replay.js';
import { draw } from './replay.js';

/** A judged roll-out as algorithms see it. */
export interface JudgedRollout {
  /** Counts from 0. */
  readonly index: number;
  readonly seed: number;
  readonly path: string;
  /** (T,) reward after each step. */
  readonly reward: ArrayLike<number>;
  readonly actorVersion: number;
}

/** Numbers of one roll-out's learning, by name; what was not done is absent. */
export type LearningReport = Readonly<Record<string, number>>;

/** One way to learn from roll-outs. */
export interface Algorithm {
  readonly name: string;
  /** Learns from a roll-out, after it was played and before the next. */
  learn(rollout: JudgedRollout): Promise<LearningReport>;
  /** One step of a copy of the actor that only collects, from random streams of its own. */
  explore(copy: ActorTrainer, explorer: number, step: number): Promise<void>;
  /** Chunks of past runs or demonstrations, before the first roll-out. */
  addPrior(samples: readonly JudgedChunk[]): void;
  /** Repeats the bookkeeping of a roll-out that was learned from before the run was stopped, without a step. */
  recall(rollout: JudgedRollout): void;
  /** An episode that can no longer be read. */
  forget(path: string): void;
  /** Sizes for the progress line and diagnostics. */
  readonly sizes: Readonly<Record<'successes' | 'failures', number>>;
  /** What the algorithm needs to go on besides the actor: file name -> tensors. */
  state(): ReadonlyMap<string, Weight>;
  close(): Promise<void>;
}

/** Fetches chunks as batches. */
export interface ChunkSource {
  load(samples: readonly ChunkReference[]): Promise<ActBatch>;
}

export interface Actor {
  readonly trainer: ActorTrainer;
  readonly chunks: ChunkSource;
  readonly chunkSize: number;
  readonly latentSize: number;
  /** Step that the chunk to be improved starts at. */
  readonly lastChunk: number;
  readonly seed: number;
}

export const timesOf = ({ chunkSize, lastChunk }: Actor): ChunkTimes => ({ chunkSize, last: lastChunk });

/** A batch with the noise of the CVAE, drawn from the stream of that name. */
export async function fetchBatch(
  { chunks, latentSize, seed }: Actor,
  samples: readonly ChunkReference[],
  stream: string,
): Promise<ActBatch> {
  const batch = await chunks.load(samples);
  const random = RandomStream.of(seed, 'z', stream);
  return {
    ...batch,
    noise: Float32Array.from({ length: samples.length * latentSize }, () => random.normal()),
  };
}

/** A step of imitation of successes, for explorers: what they see differs by their random streams alone. */
export async function exploreSuccesses(
  actor: Actor,
  copy: ActorTrainer,
  successes: readonly JudgedChunk[],
  batchSize: number,
  stream: string,
): Promise<void> {
  if (successes.length === 0) return;
  const samples = draw(successes, batchSize, RandomStream.of(actor.seed, 'draw', stream));
  const batch = await fetchBatch(actor, samples, stream);
  await copy.surrogate(batch, new Float32Array(samples.length).fill(1), stream);
}

/** A farmed chunk of a roll-out as a sample of the replay. */
export function judgedChunk(
  { index, path, seed, actorVersion }: JudgedRollout,
  { start, label }: { readonly start: number; readonly label: number },
): JudgedChunk {
  return { path, step: start, label, rollout: index, seed, actorVersion, fromDemo: false };
}
