/**
 * Chunk farming: which chunks of a judged episode are worth learning from. Source: the report, as
 * shared/facts/act-and-finetuning.md section 2.2 resolves it.
 */
import { MAX_REWARD } from '../../contract/task.js';
import type { RandomStream } from '../../episodes/randomStream.js';

/** What a judged chunk is worth: the highest reward it saw minus 3.5. */
export const SOLVED = 0.5;
export const FAILED = -0.5;

/** Highest reward of an episode that failed just before the goal; lower ones teach nothing about the last chunk. */
export const NEAR_MISS = MAX_REWARD - 1;

export interface FarmedChunk {
  /** Control step that the chunk starts at. */
  readonly start: number;
  readonly label: typeof SOLVED | typeof FAILED;
}

/** First step with the full reward; undefined when there is none. */
export function successStep(reward: ArrayLike<number>): number | undefined {
  for (let step = 0; step < reward.length; step++) if (reward[step]! >= MAX_REWARD) return step;
  return undefined;
}

/** Chunks of an episode. */
export interface ChunkTimes {
  /** Control steps of a chunk. */
  readonly chunkSize: number;
  /** Step that the last chunk to be improved starts at; the report's is the episode's last, 300 of 400. */
  readonly last: number;
}

/**
 * Chunks worth learning from of an episode of `reward.length` steps.
 *
 * A success first solved at K gives `count` distinct starts in [max(0, K - chunkSize + 1), min(length - chunkSize, K)]:
 * every such chunk is whole and contains the success. A failure that came within one reward of it gives last,
 * last + 1, ..., last + count, which may run past the end. Others give none. Fewer when there are not so many.
 */
export function farmChunks(
  reward: ArrayLike<number>,
  { chunkSize, last }: ChunkTimes,
  count: number,
  random: RandomStream,
): FarmedChunk[] {
  const solved = successStep(reward);
  if (solved !== undefined) {
    const first = Math.max(0, solved - chunkSize + 1);
    const until = Math.min(reward.length - chunkSize, solved);
    const starts = Array.from({ length: until - first + 1 }, (_, i) => first + i);
    return random
      .shuffle(starts)
      .slice(0, count)
      .map((start) => ({ start, label: SOLVED }));
  }
  if (!isNearMiss(reward)) return [];
  const starts = Array.from({ length: count + 1 }, (_, i) => last + i);
  return starts.filter((start) => start < reward.length).map((start) => ({ start, label: FAILED }));
}

/** The one chunk that algorithm 1 learns from: the last, or another nearest to it that contains the success. */
export function lastChunk(
  reward: ArrayLike<number>,
  { chunkSize, last }: ChunkTimes,
): FarmedChunk | undefined {
  const solved = successStep(reward);
  if (solved !== undefined) {
    const start = Math.min(Math.max(last, solved - chunkSize + 1), solved);
    return { start, label: SOLVED };
  }
  return isNearMiss(reward) ? { start: last, label: FAILED } : undefined;
}

const isNearMiss = (reward: ArrayLike<number>): boolean => highestReward(reward) === NEAR_MISS;

/** 0 for an episode without steps. */
export function highestReward(reward: ArrayLike<number>): number {
  let highest = 0;
  for (let step = 0; step < reward.length; step++) highest = Math.max(highest, reward[step]!);
  return highest;
}
