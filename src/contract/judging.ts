/** Who says how an episode ended, and who puts the scene back: a simulator, a person, a detector, a classifier. */
import type { StartPose } from './task.js';

/** An episode that waits to be judged. */
export interface PlayedEpisode {
  readonly seed: number;
  /** The episode's file, images included where it has them. */
  readonly path?: string;
}

/** What became of an episode: the highest reward it earned (0 to 4, see `MAX_REWARD`), or that it does not count. */
export type Verdict = number | 'discard';

/** Judges whole episodes. Throws Interrupted when `signal` aborts. */
export interface EpisodeJudge {
  judge(episode: PlayedEpisode, signal: AbortSignal): Promise<Verdict>;
}

/** Puts the scene back between episodes; done when the next one may begin. Throws Interrupted when `signal` aborts. */
export interface SceneReset {
  prepare(start: StartPose, signal: AbortSignal): Promise<void>;
}
