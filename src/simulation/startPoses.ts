/** Where objects lie at the start of an episode. A pose is a pure function of task and seed. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Random } from '../contract/random.js';
import type { StartPose, TaskName } from '../contract/task.js';

/** Ranges of one object [m]: low and high of x and y; the height is fixed and objects are unrotated. */
interface Spread {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/** Objects are dropped from this height of their centres [m]; source: gym-aloha utils.py. */
const START_HEIGHT_M = 0.05;

/** w x y z */
const UNROTATED = [1, 0, 0, 0] as const;

/** Source: gym-aloha utils.py (sample_box_pose, sample_insertion_pose). In the order of `OBJECT_JOINTS`. */
const SPREADS: Readonly<Record<TaskName, readonly Spread[]>> = {
  insertion: [
    { x: [0.1, 0.2], y: [0.4, 0.6] },
    { x: [-0.2, -0.1], y: [0.4, 0.6] },
  ],
  transfer_cube: [{ x: [0, 0.2], y: [0.4, 0.6] }],
};

/**
 * Seeds are shared out so that nothing is trained on what it is judged by: demonstrations use 0..9999, the pools below
 * 10,000..99,999, and training environments a million and more.
 */
export const FIRST_TRAINING_SEED = 1_000_000;

/** Pools of start poses to judge by: `select` chooses between checkpoints, `valid` is reported, `test` is kept back. */
export const POOLS = ['select', 'valid', 'test'] as const;
export type PoolName = (typeof POOLS)[number];

/** The start pose that `seed` stands for. */
export function sampleStartPose(task: TaskName, seed: number): StartPose {
  const random = new Random(seed, `start pose of ${task}`);
  const objects = SPREADS[task].flatMap(({ x, y }) => [
    random.uniform(...x),
    random.uniform(...y),
    START_HEIGHT_M,
    ...UNROTATED,
  ]);
  return { seed, objects: Float64Array.from(objects) };
}

/** The start poses of a pool, in order. The files are made by pools/make.js. */
export function readPool(name: PoolName, task: TaskName): StartPose[] {
  const path = fileURLToPath(new URL(`../../src/simulation/pools/${name}.json`, import.meta.url));
  const pools: Readonly<Record<TaskName, { seed: number; objects: number[] }[]>> = JSON.parse(
    readFileSync(path, 'utf8'),
  );
  return pools[task].map(({ seed, objects }) => ({ seed, objects: Float64Array.from(objects) }));
}
