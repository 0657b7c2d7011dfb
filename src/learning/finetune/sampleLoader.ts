/**
 * Fetches chunks from recorded episodes for the optimizer, in a thread of its own: joints and actions from the file,
 * images drawn again or decoded, and for a frozen backbone its feature maps. Batches that are asked for early are ready
 * when they are needed; memory is bounded, whatever the number of samples: what is used again is cached, in memory and
 * behind that on disk.
 */
import { Worker } from 'node:worker_threads';
import type { ImageRequest } from '../../contract/camera.js';
import { EpisodeError } from '../../contract/errors.js';
import type { ActBatch } from '../../network/actBatch.js';
import type { ImagesModule } from '../batchLoader.js';
import { LoaderError } from '../batchLoader.js';
import type { ChunkReference } from './replay.js';
import type { SampleAnswer, SampleQuestion } from './sampleWorker.js';

export interface SampleLoaderOptions {
  readonly chunkSize: number;
  readonly images: readonly ImageRequest[];
  /** Needed when there are images. */
  readonly source?: ImagesModule;
  /** Length of the object poses that a sample carries; 0 for none. */
  readonly environmentSize: number;
  /** Bytes of the model of `buildFeatureModel`: samples then carry feature maps in place of images. */
  readonly featureModel?: Uint8Array;
  /** Memory for samples that are used again [MB]. */
  readonly cacheMegabytes: number;
  /** Disk for those that memory has no room for; absent: they are made again. */
  readonly disk?: { readonly folder: string; readonly megabytes: number };
}

/** An episode that cannot be read: leave it out and go on. */
export class CorruptEpisodeError extends EpisodeError {
  readonly path: string;
  constructor(path: string, reason: string) {
    super(reason);
    this.path = path;
  }
}

export class SampleLoader {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (batch: ActBatch) => void; reject: (error: Error) => void }
  >();
  #asked = 0;
  #ended: LoaderError | undefined;

  constructor(options: SampleLoaderOptions) {
    this.#worker = new Worker(new URL('./sampleWorker.js', import.meta.url), { workerData: options });
    this.#worker.on('message', (answer: SampleAnswer) => {
      const waiting = this.#waiting.get(answer.id)!;
      this.#waiting.delete(answer.id);
      if (answer.kind === 'batch') waiting.resolve(answer.batch);
      else if (answer.kind === 'corrupt') waiting.reject(new CorruptEpisodeError(answer.path, answer.reason));
      else waiting.reject(new LoaderError(answer.reason));
    });
    this.#worker.on('error', (error) => {
      this.#ended = new LoaderError(`the sample loader ended: ${error.message}`, { cause: error });
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
    this.#worker.unref();
  }

  /**
   * A batch of the chunks of `samples`, in that order, without noise. Throws CorruptEpisodeError for one that cannot be
   * read, LoaderError for all else.
   */
  load(samples: readonly ChunkReference[]): Promise<ActBatch> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#asked++;
    const question: SampleQuestion = { id, samples: samples.map(({ path, step }) => ({ path, step })) };
    const answer = new Promise<ActBatch>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // Thrown where it is awaited; a batch asked for early may be awaited much later.
    answer.catch(() => {});
    this.#worker.ref();
    this.#worker.postMessage(question);
    return answer.finally(() => {
      if (this.#waiting.size === 0) this.#worker.unref();
    });
  }

  async close(): Promise<void> {
    // Or a process with nothing else to do would end here, its last words unsaid.
    this.#worker.ref();
    this.#worker.postMessage('close');
    await new Promise((resolve) => this.#worker.once('exit', resolve));
  }
}
