/** Makes batches ahead of the optimizer, in threads of their own, and hands them over in order. */
import { Worker } from 'node:worker_threads';
import type { EpisodeData } from '../contract/episode.js';
import { AlohadError } from '../contract/errors.js';
import type { BatchBlock } from './batchMemory.js';
import { batchBytes, batchShape, batchViews } from './batchMemory.js';
import type { BatchJob, EpisodeSplit } from './batchPlan.js';
import { BatchPlan } from './batchPlan.js';
import type { FromLoader, LoaderSetup, ToLoader } from './batchLoaderWorker.js';
import { ImageCache } from './imageCache.js';
import type { TrainingConfig } from './trainingConfig.js';

/** Where loaders get images from: a module that each thread imports for itself. */
export interface ImagesModule {
  /** URL of a module that exports `createImages(options): Promise<EpisodeImages>`. */
  readonly url: string;
  /** Given to `createImages`; must survive being sent to a thread. */
  readonly options: unknown;
}

export interface BatchLoaderOptions {
  readonly config: TrainingConfig;
  /** With columns in shared memory. */
  readonly episodes: readonly EpisodeData[];
  readonly split: EpisodeSplit;
  readonly environmentSize: number;
  readonly images?: ImagesModule;
  /** Steps done before. */
  readonly done: number;
}

/** A job, and its batch: valid until the next call of `next`. */
export interface LoadedBatch {
  readonly job: BatchJob;
  readonly batch: BatchBlock;
}

/** A loader thread failed: an image could not be made, or memory ran out. */
export class LoaderError extends AlohadError {}

export class BatchLoader {
  readonly cache: ImageCache;
  readonly #jobs: Generator<BatchJob>;
  readonly #workers: Worker[];
  readonly #slots: Uint8Array[];
  /** The batch handed out: a copy, as onnxruntime does not take shared memory. */
  readonly #own: Uint8Array;
  readonly #batch: BatchBlock;
  /** Jobs under way, oldest first, each with the promise of its thread's answer. */
  readonly #pending: { job: BatchJob; slot: number; ready: Promise<void> }[] = [];
  readonly #answers = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #asked = 0;

  constructor(options: BatchLoaderOptions) {
    const { config, episodes, split, images } = options;
    const shape = batchShape(config, options.environmentSize);
    const sampleBytes = shape.images.reduce((sum, size) => sum + size, 0);
    this.cache = ImageCache.allocate(split.lengths, sampleBytes, config.loader.cacheMegabytes * 1e6);
    const blocks = Array.from(
      { length: config.loader.ahead },
      () => new SharedArrayBuffer(batchBytes(shape)),
    );
    this.#slots = blocks.map((block) => new Uint8Array(block));
    this.#own = new Uint8Array(batchBytes(shape));
    this.#batch = batchViews(shape, this.#own.buffer);
    this.#jobs = new BatchPlan(config, split).jobs(options.done);
    const workerData: LoaderSetup = {
      config,
      episodes,
      split,
      shape,
      blocks,
      cache: this.cache.memory,
      ...(images && { images }),
    };
    this.#workers = Array.from({ length: config.loader.threads }, () => this.#startWorker(workerData));
    this.#slots.forEach((_, slot) => this.#ask(slot));
  }

  /** The next batch of the plan; undefined behind the last. Throws LoaderError. */
  async next(): Promise<LoadedBatch | undefined> {
    const oldest = this.#pending.shift();
    if (!oldest) return undefined;
    await oldest.ready;
    this.#own.set(this.#slots[oldest.slot]!);
    this.#ask(oldest.slot);
    return { job: oldest.job, batch: this.#batch };
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #ask(slot: number): void {
    const next = this.#jobs.next();
    if (next.done) return;
    const job = next.value;
    const ready = new Promise<void>((resolve, reject) => this.#answers.set(slot, { resolve, reject }));
    // A failure is thrown where the batch is awaited; until then it is not unhandled.
    ready.catch(() => {});
    this.#pending.push({ job, slot, ready });
    const message: ToLoader = { job, slot };
    this.#workers[this.#asked++ % this.#workers.length]!.postMessage(message);
  }

  #startWorker(workerData: LoaderSetup): Worker {
    const worker = new Worker(new URL('./batchLoaderWorker.js', import.meta.url), { workerData });
    worker.on('message', ({ slot, failure }: FromLoader) => {
      const answer = this.#answers.get(slot);
      if (failure === undefined) answer?.resolve();
      else answer?.reject(new LoaderError(failure));
    });
    worker.on('error', (error) => {
      for (const { reject } of this.#answers.values()) {
        reject(new LoaderError(`a loader thread ended: ${error.message}`, { cause: error }));
      }
    });
    return worker;
  }
}
