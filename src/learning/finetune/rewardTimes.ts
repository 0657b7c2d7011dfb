/**
 * When successes usually earn each reward. Tells in which chunk a failure went wrong: the one in which it should have
 * earned the reward that it never got.
 */
import { MAX_REWARD } from '../../contract/task.js';
import { highestReward } from './farming.js';

export class RewardTimes {
  /** Reward -> steps at which successes first had it, ascending. */
  readonly #firsts = Array.from({ length: MAX_REWARD + 1 }, (): number[] => []);

  /** Takes note of an episode; failures are passed over. */
  add(reward: ArrayLike<number>): void {
    if (highestReward(reward) < MAX_REWARD) return;
    let reached = 0;
    for (let step = 0; step < reward.length && reached < MAX_REWARD; step++)
      while (reached < reward[step]!) insert(this.#firsts[++reached]!, step);
  }

  /** Start of the chunk in which a failure went wrong; undefined while there are no successes to compare it with. */
  failedChunk(reward: ArrayLike<number>, chunkSize: number): number | undefined {
    const steps = this.#firsts[highestReward(reward) + 1];
    const usual = steps?.[Math.floor(steps.length / 2)];
    return usual === undefined ? undefined : Math.floor(usual / chunkSize) * chunkSize;
  }
}

function insert(ascending: number[], value: number): void {
  const at = ascending.findIndex((other) => other > value);
  ascending.splice(at < 0 ? ascending.length : at, 0, value);
}
