/** The person at emulated leaders, who shows what recorded episodes did. */
import type { Rig } from '../../config/rig.js';
import { EpisodeError } from '../../contract/errors.js';
import { CONTROL_PERIOD_S, DOF } from '../../contract/robot.js';
import { readEpisode } from '../../episodes/readEpisode.js';
import type { EmulatedOperator } from '../../hardware/emulator/emulator.js';
import { armsOf } from '../servoWorkcell.js';

export interface ShownEpisode {
  readonly path: string;
  /** Of the objects' start pose, for which the motion was made. */
  readonly seed: number;
  /** (T, 14) */
  readonly goals: Float64Array;
}

/** The episodes of `emulator.leaders`. Throws EpisodeError. */
export const shownEpisodes = ({ emulator }: Rig): ShownEpisode[] =>
  emulator.leaders.map((path) => {
    const { action, steps, info } = readEpisode(path);
    if (steps === 0) throw new EpisodeError(`${path} has no steps: nothing to show at the leaders`);
    return { path, seed: info.seed, goals: action.slice(0, steps * DOF) };
  });

/** What leaders showed is what was sent to followers: the actions. Throws RigError when the rig lacks a leader. */
export const leaderOperator = (rig: Rig, episodes: readonly ShownEpisode[]): EmulatedOperator => ({
  motions: episodes.map(({ goals }) => ({ goals, periodMs: CONTROL_PERIOD_S * 1000 })),
  arms: armsOf(rig, 'leader').map(({ name, gripper }) => ({ bus: name, gripper })),
});
