/** Tasks and who judges them. */

export const TASKS = ['insertion', 'transfer_cube'] as const;
export type TaskName = (typeof TASKS)[number];

/** Reward of a solved task in both tasks; source: gym-aloha tasks/sim.py (max_reward). */
export const MAX_REWARD = 4;

/** Control steps of an episode; source: act-plus-plus constants.py (episode_len). */
export const EPISODE_STEPS = 400;

/** Where the task's free objects lie at the start: 7 numbers each (x y z [m], w x y z). */
export type ObjectPoses = Float64Array;

/** Gives the reward of the present moment; simulator contacts now, a person's key or a classifier on a real robot. */
export interface Judge {
  readonly task: TaskName;
  readonly maxReward: number;
  /** Reward 0..maxReward of the state after the last command. */
  reward(): number;
}

/** One initial condition: the seed that names it and the poses it stands for. */
export interface StartPose {
  readonly seed: number;
  readonly objects: ObjectPoses;
}

/** A robot whose world can be put back: the simulator, or a person with a reset hook. */
export interface Resettable {
  /** Puts arms at the start pose and objects at `start`. */
  reset(start: StartPose): void;
}
