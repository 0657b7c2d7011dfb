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
import { DiskCache } from './diskCache.js';
import { LruCache } from './lruCache.js';
import type { ChunkReference } from './replay.js';
import type { SampleLoaderOptions } from './sampleLoader.js';
import { SampleRecords, type Picture, type SampleRecord } from './sampleRecord.js';

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
const EPISODE_BYTES = 32e6;

const options: SampleLoaderOptions = workerData;
const port = parentPort!;
const episodes = new LruCache<EpisodeData>(EPISODE_BYTES, ({ physicsState, steps }) => {
  const columns = 4 * DOF + 16;
  return 8 * (physicsState.length + columns * steps);
});
const records = new SampleRecords(options);
const disk = options.disk && new DiskCache(options.disk.folder, options.disk.megabytes * 1e6);
const cache = new LruCache<SampleRecord>(
  options.cacheMegabytes * 1e6,
  ({ byteLength }) => byteLength,
  (key, record) => disk?.write(key, record),
);

const images = await openImages();
const features = options.featureModel && (await openSession(options.featureModel, { threads: 1 }));

let queue: Promise<void> = Promise.resolve();
port.on('message', (message: SampleQuestion | 'close') => {
  queue = queue.then(async () => {
    if (message !== 'close') return await answer(message);
    await features?.release();
    disk?.close();
    port.close();
  });
});

async function answer({ id, samples }: SampleQuestion): Promise<void> {
  const say = (message: SampleAnswer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  let path = '';
  try {
    const found: SampleRecord[] = [];
    for (const sample of samples) {
      ({ path } = sample);
      found.push(await recordOf(sample));
    }
    const batch = records.assemble(found);
    say({ id, kind: 'batch', batch }, buffersOf(batch));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof EpisodeError) say({ id, kind: 'corrupt', path, reason });
    else say({ id, kind: 'failed', reason });
  }
}

async function recordOf({ path, step }: ChunkReference): Promise<SampleRecord> {
  const key = `${path}@${step}`;
  return await cache.get(key, async () => {
    if (disk?.has(key)) {
      const record = new Uint8Array(records.bytes);
      if (disk.read(key, record)) return record;
    }
    return records.pack(path, episodeAt(path), step, await observe(path, step));
  });
}

/** What each camera saw at a sample's start, as image or feature map. */
async function observe(path: string, step: number): Promise<readonly Picture[]> {
  const pictures = options.images.map((request) => {
    const rgb = new Uint8Array(imageBytes(request));
    images!.image(episodeAt(path), step, request, rgb);
    return rgb;
  });
  return features && pictures.length > 0 ? await describe(features, pictures) : pictures;
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

function episodeAt(path: string): EpisodeData {
  return episodes.getSync(path, () => readEpisode(path));
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
