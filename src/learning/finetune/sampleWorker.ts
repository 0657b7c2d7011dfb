/** The sample loader's thread. Requests are answered one after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { Tensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { imageBytes } from '../../contract/camera.js';
import type { EpisodeData, EpisodeImages } from '../../contract/episode.js';
import { EpisodeError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import { readEpisode } from '../../episodes/readEpisode.js';
import type { ActBatch } from '../../network/actBatch.js';
import { openSession } from '../../network/session.js';
import { LruCache } from './lruCache.js';
import type { ChunkReference } from './replay.js';
import type { SampleLoaderOptions } from './sampleLoader.js';

export interface SampleQuestion {
  readonly id: number;
  readonly samples: readonly ChunkReference[];
}

export type SampleAnswer = { readonly id: number } & (
  | { readonly kind: 'batch'; readonly batch: ActBatch }
  | { readonly kind: 'corrupt'; readonly path: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
);

/** Memory for the numeric columns of episodes that were read last [bytes]; one of 400 steps has half a megabyte. */
const EPISODE_BYTES = 256e6;

const options: SampleLoaderOptions = workerData;
const port = parentPort!;
const episodes = new LruCache<EpisodeData>(EPISODE_BYTES, ({ physicsState, steps }) => {
  const columns = 4 * DOF + 16;
  return 8 * (physicsState.length + columns * steps);
});
const seen = new LruCache<readonly (Uint8Array | Float32Array)[]>(options.cacheMegabytes * 1e6, (parts) =>
  parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
);

const images = await openImages();
const features = options.featureModel && (await openSession(options.featureModel, { threads: 1 }));

let queue: Promise<void> = Promise.resolve();
port.on('message', (message: SampleQuestion | 'close') => {
  queue = queue.then(async () => {
    if (message !== 'close') return await answer(message);
    await features?.release();
    port.close();
  });
});

async function answer({ id, samples }: SampleQuestion): Promise<void> {
  const say = (message: SampleAnswer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  let path = '';
  try {
    const parts: (readonly (Uint8Array | Float32Array)[])[] = [];
    for (const sample of samples) {
      ({ path } = sample);
      parts.push(await observe(sample));
    }
    const batch = assemble(samples, parts);
    say({ id, kind: 'batch', batch }, buffersOf(batch));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof EpisodeError) say({ id, kind: 'corrupt', path, reason });
    else say({ id, kind: 'failed', reason });
  }
}

/** What each camera saw at a sample's start, as image or feature map. */
async function observe({ path, step }: ChunkReference): Promise<readonly (Uint8Array | Float32Array)[]> {
  if (options.images.length === 0) return [];
  return await seen.get(`${path}@${step}`, async () => {
    const pictures = options.images.map((request) => {
      const rgb = new Uint8Array(imageBytes(request));
      images!.image(episodeAt(path), step, request, rgb);
      return rgb;
    });
    return features ? await describe(features, pictures) : pictures;
  });
}

async function describe(session: InferenceSession, pictures: readonly Uint8Array[]): Promise<Float32Array[]> {
  const feeds = options.images.map(({ width, height }, i) => {
    return [`image_${i}`, new Tensor('uint8', pictures[i]!, [1, height, width, 3])] as const;
  });
  const maps = await session.run(Object.fromEntries(feeds));
  return options.images.map((_, i) => {
    const data = maps[`features_${i}`]?.data;
    if (!(data instanceof Float32Array)) throw new TypeError('the feature model gives no float32 maps');
    return data;
  });
}

function assemble(
  samples: readonly ChunkReference[],
  parts: readonly (readonly (Uint8Array | Float32Array)[])[],
): ActBatch {
  const { chunkSize, environmentSize } = options;
  const count = samples.length;
  const batch = {
    qpos: new Float32Array(count * DOF),
    environmentState: new Float32Array(count * environmentSize),
    actions: new Float32Array(count * chunkSize * DOF),
    isPad: new Uint8Array(count * chunkSize),
    images: options.images.map((_, camera) => join(parts.map((part) => part[camera]!))),
  };
  samples.forEach(({ path, step }, row) => {
    const episode = episodeAt(path);
    if (step < 0 || step >= episode.steps)
      throw new EpisodeError(`${path} has ${episode.steps} steps, step ${step} was asked for`);
    const state = episode.environmentState;
    const width = state.length / episode.steps;
    batch.qpos.set(episode.qpos.subarray(step * DOF, (step + 1) * DOF), row * DOF);
    batch.environmentState.set(
      state.subarray(step * width, step * width + environmentSize),
      row * environmentSize,
    );
    for (let i = 0; i < chunkSize; i++) {
      // Behind the end the last action is repeated, and marked so that no loss counts it.
      const at = Math.min(step + i, episode.steps - 1);
      const action = episode.action.subarray(at * DOF, (at + 1) * DOF);
      batch.actions.set(action, (row * chunkSize + i) * DOF);
      batch.isPad[row * chunkSize + i] = step + i < episode.steps ? 0 : 1;
    }
  });
  return batch;
}

function episodeAt(path: string): EpisodeData {
  return episodes.getSync(path, () => readEpisode(path));
}

function join(rows: readonly (Uint8Array | Float32Array)[]): Uint8Array | Float32Array {
  const length = rows.reduce((sum, row) => sum + row.length, 0);
  const all = rows[0] instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

function buffersOf({ qpos, environmentState, actions, isPad, images: pictures }: ActBatch): ArrayBuffer[] {
  return [qpos, environmentState!, actions, isPad, ...pictures].map(({ buffer }) => {
    if (!(buffer instanceof ArrayBuffer)) throw new TypeError('a batch lies in memory that cannot be sent');
    return buffer;
  });
}

/** What `ImagesModule.url` exports. */
interface ImagesFactory {
  createImages(options: unknown): Promise<EpisodeImages>;
}

async function openImages(): Promise<EpisodeImages | undefined> {
  if (options.images.length === 0 || !options.source) return undefined;
  const factory: ImagesFactory = await import(options.source.url);
  return await factory.createImages(options.source.options);
}
