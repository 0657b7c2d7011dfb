/** Makes a batch: numbers from the episodes' columns, images from cache or renderer, noise from its own stream. */
import type { EpisodeData, EpisodeImages } from '../contract/episode.js';
import { DOF } from '../contract/robot.js';
import { RandomStream } from '../episodes/randomStream.js';
import type { BatchBlock } from './batchMemory.js';
import type { BatchJob, BatchPlan } from './batchPlan.js';
import { augmentImage, drawAugmentation } from './augmentation.js';
import type { ImageCache } from './imageCache.js';
import type { TrainingConfig } from './trainingConfig.js';

export interface AssemblySource {
  readonly config: TrainingConfig;
  readonly plan: BatchPlan;
  readonly episodes: readonly EpisodeData[];
  /** Needed when the configuration has images. */
  readonly images?: EpisodeImages;
  readonly cache: ImageCache;
}

/** Fills `batch` with the samples of `job`. */
export function assembleBatch(source: AssemblySource, job: BatchJob, batch: BatchBlock): void {
  const { config, plan, episodes } = source;
  const { chunkSize } = config.network;
  plan.samples(job).forEach(({ episode: place, step }, row) => {
    const episode = episodes[place]!;
    copyRow(episode.qpos, step, DOF, batch.qpos, row);
    const environmentSize = batch.environmentState.length / config.batchSize;
    copyRow(episode.environmentState, step, environmentSize, batch.environmentState, row);
    for (let i = 0; i < chunkSize; i++) {
      // Behind the end the last action is repeated, and marked so that no loss counts it.
      const at = Math.min(step + i, episode.steps - 1);
      copyRow(episode.action, at, DOF, batch.actions, row * chunkSize + i);
      batch.isPad[row * chunkSize + i] = step + i < episode.steps ? 0 : 1;
    }
    fillImages(source, job, row, place, step, batch);
  });
  const noise = RandomStream.of(config.seed, 'z', job.kind, job.index);
  for (let i = 0; i < batch.noise.length; i++) batch.noise[i] = noise.normal();
}

function fillImages(
  { config, episodes, images, cache }: AssemblySource,
  job: BatchJob,
  row: number,
  place: number,
  step: number,
  batch: BatchBlock,
): void {
  if (config.images.length === 0) return;
  const targets = config.images.map((_, camera) => {
    const size = batch.images[camera]!.length / config.batchSize;
    return batch.images[camera]!.subarray(row * size, (row + 1) * size);
  });
  if (!cache.read(place, step, targets)) {
    config.images.forEach((request, camera) =>
      images!.image(episodes[place]!, step, request, targets[camera]!),
    );
    cache.write(place, step, targets);
  }
  if (job.kind === 'validation') return;
  config.images.forEach((request, camera) => {
    const random = RandomStream.of(config.seed, 'augmentation', job.index, row, camera);
    augmentImage(targets[camera]!, request, drawAugmentation(config.augmentation, random));
  });
}

/** Copies row `from` of a column of width `size` into row `to` of `target`. */
function copyRow(column: Float64Array, from: number, size: number, target: Float32Array, to: number): void {
  for (let i = 0; i < size; i++) target[to * size + i] = column[from * size + i]!;
}
