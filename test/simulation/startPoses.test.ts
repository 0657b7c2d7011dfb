import { describe, expect, it } from 'vitest';
import { TASKS } from '#alohad/contract/task.js';
import { FIRST_TRAINING_SEED, POOLS, readPool, sampleStartPose } from '#alohad/simulation/startPoses.js';

describe('start poses', () => {
  it.each(TASKS)('%s: a pose is a function of its seed alone', (task) => {
    const first = sampleStartPose(task, 4);
    sampleStartPose(task, 5);
    expect(sampleStartPose(task, 4)).toEqual(first);
    expect(sampleStartPose(task, 5).objects).not.toEqual(first.objects);
  });

  it('fills the ranges of gym-aloha evenly', () => {
    const poses = Array.from({ length: 2000 }, (_, seed) => sampleStartPose('insertion', seed).objects);
    const column = (i: number): number[] => poses.map((pose) => pose[i]!).sort((a, b) => a - b);
    for (const [i, low, high] of [
      [0, 0.1, 0.2],
      [1, 0.4, 0.6],
      [7, -0.2, -0.1],
      [8, 0.4, 0.6],
    ] as const) {
      const values = column(i);
      expect(values[0]).toBeGreaterThanOrEqual(low);
      expect(values.at(-1)).toBeLessThan(high);
      expect(values[1000]! - low).toBeCloseTo((high - low) / 2, 1);
      expect(values[500]! - low).toBeCloseTo((high - low) / 4, 1);
    }
    expect(new Set(column(2))).toEqual(new Set([0.05]));
  });

  it.each(TASKS)('%s: pools are of the promised size, disjoint, and what their seeds say', (task) => {
    const pools = POOLS.map((name) => readPool(name, task));
    expect(pools.map((pool) => pool.length)).toEqual([250, 250, 1000]);
    const seeds = pools.flat().map(({ seed }) => seed);
    expect(new Set(seeds).size).toBe(seeds.length);
    // Demonstrations have the seeds below, training environments those above.
    expect(Math.min(...seeds)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...seeds)).toBeLessThan(FIRST_TRAINING_SEED);
    for (const pool of pools) for (const pose of pool) expect(pose).toEqual(sampleStartPose(task, pose.seed));
  });
});
