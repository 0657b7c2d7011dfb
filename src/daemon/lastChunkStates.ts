/** Plays training poses until they came to the policy's last chunk with the task nearly done, ready to be branched. */
import type { Rig } from '../config/rig.js';
import { EpisodeError, UsageError } from '../contract/errors.js';
import type { RolloutSource } from '../contract/rollout.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { NEAR_MISS } from '../learning/finetune/farming.js';
import { FIRST_TRAINING_SEED, sampleStartPose } from '../simulation/startPoses.js';
import { branchesFrom, type OffsetBranch } from './chunkBranch.js';
import { SEEDS_PER_RUN } from './finetuneRun.js';
import type { RunListener } from './runListener.js';

export interface LastChunkState {
  readonly path: string;
  /** Whether the policy succeeded as it is. */
  readonly solved: boolean;
  readonly branch: OffsetBranch;
}

export interface LastChunkRequest {
  readonly rig: Rig;
  /** Control step that the last chunk starts at. */
  readonly lastChunk: number;
  readonly seed: number;
  /** Steps that a branch moves. */
  readonly length: number;
  /** Ends with so many states or after so many roll-outs. */
  readonly states: number;
  readonly rollouts: number;
}

/** Roll-outs played at a time. */
const BATCH = 10;

/** Throws UsageError for a last chunk behind the episode's end, EpisodeError when fewer than `least` states were found. */
export async function lastChunkStates(
  { rig, lastChunk, seed, length, states: wanted, rollouts: most }: LastChunkRequest,
  least: number,
  farm: RolloutSource,
  listener: RunListener,
): Promise<{ states: LastChunkState[]; rollouts: number }> {
  const states: LastChunkState[] = [];
  let rollouts = 0;
  while (states.length < wanted && rollouts < most) {
    const first = FIRST_TRAINING_SEED + seed * SEEDS_PER_RUN + rollouts;
    const starts = Array.from({ length: Math.min(BATCH, most - rollouts) }, (_, i) =>
      sampleStartPose(rig.task, first + i),
    );
    const played = await farm.play(starts);
    for (const [i, { path, outcome }] of played.entries()) {
      if (path === undefined || outcome.maxReward < NEAR_MISS) continue;
      const episode = readEpisode(path);
      if (lastChunk >= episode.steps)
        throw new UsageError(`--last-chunk ${lastChunk} is behind the episode's ${episode.steps} steps`);
      states.push({
        path,
        solved: outcome.success,
        branch: branchesFrom(episode, lastChunk, length, starts[i]!, 'offset'),
      });
    }
    rollouts += starts.length;
    listener.onProgress(states.length < wanted ? rollouts : most, most, `${states.length} states`);
  }
  if (states.length < least)
    throw new EpisodeError(
      `only ${states.length} of ${rollouts} roll-outs brought the peg to the socket: there is no last chunk to correct. ` +
        'Train the policy further first',
    );
  return { states, rollouts };
}
