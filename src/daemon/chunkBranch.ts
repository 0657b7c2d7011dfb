/** Branches of recorded episodes: a chunk that was played, gone back to and played again with a constant offset. */
import type { EpisodeData } from '../contract/episode.js';
import { DOF, type Arm } from '../contract/robot.js';
import type { Branch, RolloutSource } from '../contract/rollout.js';
import type { StartPose } from '../contract/task.js';
import { offsetChunk } from '../simulation/chunkOffset.js';
import type { Vector } from '../simulation/kinematics.js';

/** The branch in which an arm's gripper is moved by `by` in the world [m]; undefined where it cannot be reached. */
export type OffsetBranch = (arm: Arm, by: Vector) => Branch | undefined;

/** Branches from `step` of an episode that began at `start`, `length` steps long or to its end. */
export function branchesFrom(
  { action, physicsState, steps }: EpisodeData,
  step: number,
  length: number,
  start: StartPose,
  label: string,
): OffsetBranch {
  const width = physicsState.length / steps;
  const state = physicsState.slice(step * width, (step + 1) * width);
  const played = action.slice(step * DOF, Math.min(steps, step + length) * DOF);
  return (arm, by) => {
    const actions = offsetChunk(played, arm, by);
    return actions && { start, physicsState: state, actions, label };
  };
}

/** Which branches succeed; those that cannot be played do not. Throws what the source throws. */
export async function succeeding(
  source: Required<Pick<RolloutSource, 'branch'>>,
  branches: readonly (Branch | undefined)[],
): Promise<boolean[]> {
  const played = await source.branch(
    branches.filter((one) => one !== undefined),
    'none',
  );
  let next = 0;
  return branches.map((one) => one !== undefined && played[next++]!.outcome.success);
}
