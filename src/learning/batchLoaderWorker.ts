/** A loader thread: fills the slots it is told to. */
import { parentPort, workerData } from 'node:worker_threads';
import type { EpisodeData, EpisodeImages } from '../contract/episode.js';
import { assembleBatch } from './batchAssembly.js';
import type { ImagesModule } from './batchLoader.js';
import type { BatchShape } from './batchMemory.js';
import { batchViews } from './batchMemory.js';
import type { BatchJob, EpisodeSplit } from './batchPlan.js';
import { BatchPlan } from './batchPlan.js';
import type { ImageCacheMemory } from './imageCache.js';
import { ImageCache } from './imageCache.js';
import type { TrainingConfig } from './trainingConfig.js';

export interface LoaderSetup {
  readonly config: TrainingConfig;
  readonly episodes: readonly EpisodeData[];
  readonly split: EpisodeSplit;
  readonly shape: BatchShape;
  readonly blocks: readonly SharedArrayBuffer[];
  readonly cache: ImageCacheMemory;
  readonly images?: ImagesModule;
}

export interface ToLoader {
  readonly job: BatchJob;
  readonly slot: number;
}

export interface FromLoader {
  readonly slot: number;
  /** Why the batch could not be made. */
  readonly failure?: string;
}

/** What `ImagesModule.url` exports. */
interface ImagesFactory {
  createImages(options: unknown): Promise<EpisodeImages>;
}

const setup: LoaderSetup = workerData;
const port = parentPort!;
const slots = setup.blocks.map((block) => batchViews(setup.shape, block));
const factory: ImagesFactory | undefined = setup.images && (await import(setup.images.url));
const images = await factory?.createImages(setup.images?.options);
const source = {
  config: setup.config,
  plan: new BatchPlan(setup.config, setup.split),
  episodes: setup.episodes,
  cache: new ImageCache(setup.cache),
  ...(images && { images }),
};

const say = (answer: FromLoader): void => port.postMessage(answer);

port.on('message', ({ job, slot }: ToLoader) => {
  try {
    assembleBatch(source, job, slots[slot]!);
    say({ slot });
  } catch (error) {
    say({ slot, failure: error instanceof Error ? error.message : String(error) });
  }
});
