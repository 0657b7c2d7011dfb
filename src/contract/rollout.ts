/**
 * Roll-outs: episodes that a policy plays to be learned from, whoever plays them - worlds in worker threads, an
 * emulated robot or a real one with a person who judges.
 */
import type { EpisodeOutcome } from './episode.js';
import type { StartPose } from './task.js';

/** Weights of the policy that acts, as one flat vector in the order that the farm was opened with. */
export interface ActorWeights {
  /** Counts up with every change; stored with the episodes that it played. */
  readonly version: number;
  readonly weights: Float32Array;
}

/** A point in an episode from which other actions are tried: only a simulator can. */
export interface Branch {
  /** Start pose of the episode that is branched. */
  readonly start: StartPose;
  /** Physics state at that point; see `World.getState`. */
  readonly physicsState: Float64Array;
  /** (k, 14) actions to play from there: rad, grippers normalised. */
  readonly actions: Float64Array;
  /** Tells branches of one start apart, in file names. */
  readonly label: string;
}

/** An episode that was played and judged. */
export interface Rollout {
  readonly seed: number;
  readonly outcome: EpisodeOutcome;
  /** (T,) reward after each step. */
  readonly reward: Float64Array;
  /** The episode's file. Absent for branches, which are kept only when asked for. */
  readonly path?: string;
  /** Version of the weights that acted; 0 for branches, whose actions are given. */
  readonly actorVersion: number;
}

export interface RolloutSource {
  /** Episodes that are played side by side. */
  readonly parallel: number;
  /** The weights of all episodes begun from now on. Copied before this returns. */
  publish(actor: ActorWeights): void;
  /**
   * Plays one episode from each start with the published weights, open loop: a new chunk every chunk length.
   * Same start and weights, same outcome. In the order of `starts`. Throws Interrupted, StorageError.
   */
  play(starts: readonly StartPose[]): Promise<Rollout[]>;
  /** Plays branches; absent where a state cannot be put back. `keep`: which branches are recorded. */
  readonly branch?: (branches: readonly Branch[], keep: 'all' | 'successes' | 'none') => Promise<Rollout[]>;
  close(): Promise<void>;
}
