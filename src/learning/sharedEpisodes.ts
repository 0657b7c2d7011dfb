/** Episodes in memory that all threads see: read once, shared by every loader. */
import type { EpisodeData } from '../contract/episode.js';
import { EpisodeError } from '../contract/errors.js';
import { DOF } from '../contract/robot.js';
import type { Statistics } from '../network/actConfig.js';

/** Smallest standard deviation: joints that hardly move must not blow up; source: act utils.py (clip at 1e-2). */
const SMALLEST_STD = 1e-2;

const COLUMNS = [
  'qpos',
  'qvel',
  'effort',
  'action',
  'reward',
  'timeMs',
  'physicsState',
  'environmentState',
] as const;

/** The episode with its columns in shared memory, so that passing it to a worker copies nothing. */
export function shareEpisode(episode: EpisodeData): EpisodeData {
  if (COLUMNS.every((column) => episode[column].buffer instanceof SharedArrayBuffer)) return episode;
  const shared = COLUMNS.map((column) => {
    const values = new Float64Array(new SharedArrayBuffer(episode[column].byteLength));
    values.set(episode[column]);
    return [column, values] as const;
  });
  return { ...episode, ...Object.fromEntries(shared) };
}

/** Length of the environment state, the same in all episodes. Throws EpisodeError. */
export function environmentSize(episodes: readonly EpisodeData[]): number {
  const sizes = new Set(episodes.map(({ environmentState, steps }) => environmentState.length / steps));
  const [size] = sizes;
  if (sizes.size !== 1 || !size) {
    throw new EpisodeError(
      `the episodes' object poses have ${[...sizes].join(', ')} numbers per step; a policy that uses them needs one size above 0`,
    );
  }
  return size;
}

/** Statistics of what the network sees, over all steps of `episodes` (the training ones). */
export function normalisationOf(episodes: readonly EpisodeData[], withEnvironment: boolean) {
  return {
    qpos: columnStatistics(episodes, 'qpos', DOF),
    action: columnStatistics(episodes, 'action', DOF),
    ...(withEnvironment && {
      environmentState: columnStatistics(episodes, 'environmentState', environmentSize(episodes)),
    }),
  };
}

function columnStatistics(
  episodes: readonly EpisodeData[],
  column: 'qpos' | 'action' | 'environmentState',
  size: number,
): Statistics {
  const rows = episodes.reduce((sum, episode) => sum + episode.steps, 0);
  const average = (term: (value: number, entry: number) => number): number[] => {
    const sums = new Float64Array(size);
    for (const episode of episodes) {
      episode[column].forEach((value, i) => (sums[i % size]! += term(value, i % size)));
    }
    return Array.from(sums, (sum) => sum / rows);
  };
  const mean = average((value) => value);
  const variance = average((value, entry) => (value - mean[entry]!) ** 2);
  return { mean, std: variance.map((v) => Math.max(SMALLEST_STD, Math.sqrt(v))) };
}
