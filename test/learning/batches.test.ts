import { afterEach, describe, expect, it } from 'vitest';
import { DOF } from '#alohad/contract/robot.js';
import { augmentImage } from '#alohad/learning/augmentation.js';
import { BatchLoader } from '#alohad/learning/batchLoader.js';
import { BatchPlan } from '#alohad/learning/batchPlan.js';
import { ImageCache } from '#alohad/learning/imageCache.js';
import { normalisationOf, shareEpisode } from '#alohad/learning/sharedEpisodes.js';
import { ENVIRONMENT_SIZE, syntheticEpisodes, tinyConfig } from './syntheticEpisodes.js';

const IMAGES = { url: new URL('./syntheticImages.mjs', import.meta.url).href, options: {} };
const CAMERAS = [
  { camera: 'cam_high', width: 4, height: 3 },
  { camera: 'cam_left_wrist', width: 5, height: 2 },
];
const LENGTHS = [12, 7, 9];
const SPLIT = { lengths: LENGTHS, training: [0, 2], validation: [1] };

describe('the batch plan', () => {
  it('puts the validations where they are due, and the same jobs after a resume', () => {
    const config = tinyConfig({ steps: 7, validation: { fraction: 0.3, every: 3, batches: 2 } });
    const plan = new BatchPlan(config, SPLIT);
    const jobs = [...plan.jobs(0)].map(({ kind, index }) => `${kind[0]}${index}`);
    expect(jobs.join(' ')).toBe('t0 t1 t2 v0 v1 t3 t4 t5 v0 v1 t6 v0 v1');
    expect([...plan.jobs(5)].map(({ kind, index }) => `${kind[0]}${index}`)).toEqual(jobs.slice(7));
  });

  it('trains on training episodes at multiples of the stride and validates on the others', () => {
    const config = tinyConfig({ startStride: 4 });
    const plan = new BatchPlan(config, SPLIT);
    // 3 + 3 starts, 4 per batch: three batches are two epochs.
    const drawn = [0, 1, 2].flatMap((index) => plan.samples({ kind: 'training', index }));
    const names = drawn.map(({ episode, step }) => `${episode}:${step}`).sort();
    expect(names).toEqual(['0:0', '0:4', '0:8', '2:0', '2:4', '2:8'].flatMap((name) => [name, name]));
    const held = [0, 1].flatMap((index) => plan.samples({ kind: 'validation', index }));
    expect(new Set(held.map(({ episode }) => episode))).toEqual(new Set([1]));
    expect(new Set(held.map(({ step }) => step)).size).toBeGreaterThan(4);
  });
});

describe('the batch loader', () => {
  let loader: BatchLoader | undefined;
  afterEach(async () => loader?.close());

  it('hands over what the plan says, in order, from any number of threads', async () => {
    const episodes = syntheticEpisodes(3, 0)
      .map((_, i) => syntheticEpisodes(3, LENGTHS[i]!)[i]!)
      .map(shareEpisode);
    const config = tinyConfig({
      images: CAMERAS,
      steps: 9,
      validation: { fraction: 0.3, every: 4, batches: 1 },
      loader: { threads: 3, ahead: 5, cacheMegabytes: 0.001 },
    });
    loader = new BatchLoader({
      config,
      episodes,
      split: SPLIT,
      environmentSize: ENVIRONMENT_SIZE,
      images: IMAGES,
      done: 0,
    });
    const plan = new BatchPlan(config, SPLIT);
    for (const job of plan.jobs(0)) {
      const loaded = await loader.next();
      expect(loaded!.job).toEqual(job);
      const { batch } = loaded!;
      plan.samples(job).forEach(({ episode: place, step }, row) => {
        const episode = episodes[place]!;
        for (let j = 0; j < DOF; j++)
          expect(batch.qpos[row * DOF + j]).toBeCloseTo(episode.qpos[step * DOF + j]!, 6);
        for (let i = 0; i < 5; i++) {
          // Behind the end: the last action again, marked as padding.
          const at = Math.min(step + i, episode.steps - 1);
          expect(batch.isPad[row * 5 + i]).toBe(step + i > episode.steps - 1 ? 1 : 0);
          expect(batch.actions[(row * 5 + i) * DOF]).toBeCloseTo(episode.action[at * DOF]!, 6);
        }
        expect(batch.environmentState[row * ENVIRONMENT_SIZE]).toBeCloseTo(
          episode.environmentState[step * ENVIRONMENT_SIZE]!,
          6,
        );
        CAMERAS.forEach(({ camera, width, height }, c) => {
          const first = (episode.info.seed * 7 + step * 3 + camera.length) % 256;
          expect(batch.images[c]![row * width * height * 3]).toBe(first);
        });
      });
      expect(new Set(batch.noise).size).toBe(batch.noise.length);
    }
    expect(await loader.next()).toBeUndefined();
    // 66 bytes a sample: the cache of 1 kB holds 15, and no more.
    expect(loader.cache.fill).toEqual({ samples: 15, capacity: 15 });
  });

  it('ends with an error when its images cannot be made', async () => {
    const episodes = syntheticEpisodes(2, 10).map(shareEpisode);
    const split = { lengths: [10, 10], training: [0], validation: [1] };
    const missing = { url: new URL('./none.mjs', import.meta.url).href, options: {} };
    const config = tinyConfig({ images: CAMERAS });
    loader = new BatchLoader({
      config,
      episodes,
      split,
      environmentSize: ENVIRONMENT_SIZE,
      images: missing,
      done: 0,
    });
    await expect(loader.next()).rejects.toThrow(/a loader thread ended: .*none\.mjs/);
  });
});

describe('the image cache', () => {
  it('gives back what was written, up to its size', () => {
    const cache = ImageCache.allocate([3, 2], 6, 20);
    expect(cache.fill).toEqual({ samples: 0, capacity: 3 });
    const written = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6)];
    const targets = () => [new Uint8Array(4), new Uint8Array(2)];
    cache.write(1, 0, written);
    const read = targets();
    expect(cache.read(1, 0, read)).toBe(true);
    expect(read).toEqual(written);
    expect(cache.read(0, 0, targets())).toBe(false);
    for (let step = 0; step < 3; step++) cache.write(0, step, written);
    // One thread more than fits: the last was turned away, the others are whole.
    expect([0, 1, 2].map((step) => cache.read(0, step, targets()))).toEqual([true, true, false]);
    // The same memory seen from another thread.
    expect(new ImageCache(cache.memory).read(0, 1, targets())).toBe(true);
  });
});

describe('augmentation', () => {
  const grey = (values: number[]) => Uint8Array.from(values.flatMap((value) => [value, value, value]));
  const size = { width: 3, height: 2 };
  const none = { right: 0, down: 0, brightness: 0, contrast: 1 };

  it('shifts, repeating the edge', () => {
    const rgb = grey([1, 2, 3, 4, 5, 6]);
    augmentImage(rgb, size, { ...none, right: 1 });
    expect(rgb).toEqual(grey([1, 1, 2, 4, 4, 5]));
    augmentImage(rgb, size, { ...none, down: -1 });
    expect(rgb).toEqual(grey([4, 4, 5, 4, 4, 5]));
  });

  it('changes brightness and contrast within the range of a byte, and nothing when off', () => {
    const rgb = grey([0, 100, 255, 10, 20, 30]);
    const before = rgb.slice();
    augmentImage(rgb, size, none);
    expect(rgb).toEqual(before);
    augmentImage(rgb, size, { ...none, brightness: 0.1 });
    expect(rgb[0]).toBe(26);
    expect(rgb[6]).toBe(255);
    const stretched = grey([0, 100, 255, 10, 20, 30]);
    augmentImage(stretched, size, { ...none, contrast: 1.5 });
    expect([stretched[0], stretched[3], stretched[6]]).toEqual([0, 86, 255]);
  });
});

describe('normalisation', () => {
  it('is the mean and deviation of all training steps, the deviation at least 0.01', () => {
    const episodes = syntheticEpisodes(2, 500);
    const { action, environmentState } = normalisationOf(episodes, true);
    // The action is half a sine around 0.1: its deviation is 0.5 / sqrt 2.
    expect(action.mean[3]).toBeCloseTo(0.1, 1);
    expect(action.std[3]).toBeCloseTo(0.354, 1);
    expect(environmentState?.mean).toHaveLength(ENVIRONMENT_SIZE);
    const still = { ...episodes[0]!, action: new Float64Array(500 * DOF).fill(0.7) };
    expect(normalisationOf([still], false).action.std).toEqual(Array.from({ length: DOF }, () => 0.01));
  });
});
