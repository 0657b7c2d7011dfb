/** What every algorithm of fine-tuning works with: the actor, chunks to learn from, and what a roll-out brought. */
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { Weight } from '../../network/actParameters.js';
import { RandomStream } from '../../episodes/randomStream.js';
import type { ChunkTimes } from './farming.js';
import type { ChunkSupply, Delivery } from './chunkSupply.js';
import type { ChunkReference, JudgedChunk } from './replay.js';
import type { Replay } from './replay.js';
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

export interface Actor {
  readonly trainer: ActorTrainer;
  readonly chunks: ChunkSupply;
  readonly chunkSize: number;
  readonly latentSize: number;
  /** Step that the chunk to be improved starts at. */
  readonly lastChunk: number;
  readonly seed: number;
}

export const timesOf = ({ chunkSize, lastChunk }: Actor): ChunkTimes => ({ chunkSize, last: lastChunk });

/**
 * Fetches the batch that `choose` draws, with the noise of the CVAE from the stream of that name. `choose` is asked
 * again when an episode cannot be read; undefined when it then draws nothing.
 */
export async function fetchBatch<S extends ChunkReference>(
  actor: Actor,
  choose: () => readonly S[],
  stream: string,
): Promise<Delivery<S> | undefined> {
  const delivery = await actor.chunks.fetch(choose);
  return delivery && withNoise(actor, delivery, stream);
}

/** Adds the noise of the CVAE, drawn from the stream of that name. */
export function withNoise<S extends ChunkReference>(
  { latentSize, seed }: Actor,
  { samples, batch }: Delivery<S>,
  stream: string,
): Delivery<S> {
  const random = RandomStream.of(seed, 'z', stream);
  const noise = Float32Array.from({ length: samples.length * latentSize }, () => random.normal());
  return { samples, batch: { ...batch, noise } };
}

/** A step of imitation of successes, for explorers: what they see differs by their random streams alone. */
export async function exploreSuccesses(
  actor: Actor,
  copy: ActorTrainer,
  replay: Replay,
  batchSize: number,
  stream: string,
): Promise<void> {
  const drawn = () => draw(replay.successes, batchSize, RandomStream.of(actor.seed, 'draw', stream));
  const delivery = await fetchBatch(actor, drawn, stream);
  if (!delivery) return;
  await copy.surrogate(delivery.batch, new Float32Array(delivery.samples.length).fill(1), stream);
}

/** A farmed chunk of a roll-out as a sample of the replay. */
export function judgedChunk(
  { index, path, seed, actorVersion }: JudgedRollout,
  { start, label }: { readonly start: number; readonly label: number },
): JudgedChunk {
  return { path, step: start, label, rollout: index, seed, actorVersion, fromDemo: false };
}
