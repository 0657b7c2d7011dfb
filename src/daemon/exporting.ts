/** Exports recorded episodes to the files of others: ALOHA HDF5 and LeRobot datasets. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CameraName } from '../contract/camera.js';
import { StorageError, UnknownCameraError, UsageError } from '../contract/errors.js';
import { CONTROL_PERIOD_S } from '../contract/robot.js';
import { storing } from '../contract/systemError.js';
import type { TaskName } from '../contract/task.js';
import { writeActHdf5 } from '../episodes/export/actHdf5Writer.js';
import type {
  AfterStep,
  ExportEpisode,
  ExportImages,
  ImageEncoder,
} from '../episodes/export/exportEpisode.js';
import { VIDEO_KEY_FRAME_EVERY, VIDEO_RATE_FACTOR } from '../episodes/export/lerobotFeatures.js';
import { LerobotWriter } from '../episodes/export/lerobotWriter.js';
import { readEpisode } from '../episodes/readEpisode.js';
import type { ChannelOrder } from '../episodes/storedFacts.js';
import { encodePng } from '../imaging/png.js';
import { ffmpegInstalled, openFfmpegVideo } from '../imaging/video.js';
import { chooseEpisodes, type ChosenEpisode } from './episodeChoice.js';
import { EpisodeFrames } from './episodeFrames.js';
import { encodeJpeg } from './jpegEncoder.js';
import { pacer } from './pacer.js';
import type { RunListener } from './runListener.js';

/** How images are stored, by format; the first is the default. */
export const EXPORT_IMAGES = { aloha: ['raw', 'jpeg'], lerobot: ['video', 'png'] } as const;
export type ExportFormat = keyof typeof EXPORT_IMAGES;

export interface ExportRequest {
  readonly paths: readonly string[];
  readonly format: ExportFormat;
  readonly out: string;
  readonly keep: 'all' | 'successes';
  readonly width: number;
  readonly height: number;
  readonly images?: string;
  readonly cameras?: readonly CameraName[];
  readonly scene?: string;
  /** aloha only. */
  readonly channelOrder: ChannelOrder;
  /** lerobot only: what the robot is told to do; by task when absent. */
  readonly instruction?: string;
}

export interface ExportReport {
  readonly format: ExportFormat;
  readonly images: string;
  readonly out: string;
  readonly episodes: number;
  readonly steps: number;
  readonly cameras: readonly CameraName[];
}

/** Source: the task texts of LeRobot's published aloha_sim datasets. */
const INSTRUCTIONS: Readonly<Record<TaskName, string>> = {
  insertion: 'Insert the peg into the socket.',
  transfer_cube: 'Pick up the cube with the right arm and transfer it to the left arm.',
};
const FRAMES_PER_SECOND = 1 / CONTROL_PERIOD_S;

const asPng: ImageEncoder = (rgb, width, height) => encodePng({ rgb, width, height });

/** Throws UsageError, EpisodeError, UnknownCameraError, StorageError, Interrupted. */
export async function exportEpisodes(
  request: ExportRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<ExportReport> {
  const images = imagesOf(request, listener);
  const chosen = chooseEpisodes(request.paths, request.keep);
  refuseExisting(request.out);
  const steps = chosen.reduce((sum, { outcome }) => sum + outcome.steps, 0);
  let finished = 0;
  const afterStep = pacer(listener, signal, steps, () => `${finished} of ${chosen.length} episodes`);
  const frames = new EpisodeFrames(request, (line) => listener.onLine(line));
  const open = async ({ path }: ChosenEpisode): Promise<ExportEpisode> => {
    const data = readEpisode(path);
    return { data, images: await frames.of(data) };
  };
  const onEpisode = (): void => {
    finished += 1;
  };
  try {
    const cameras =
      request.format === 'aloha'
        ? await toAloha(request, images === 'jpeg' ? 'jpeg' : 'raw', chosen, open, afterStep, onEpisode)
        : await toLerobot(request, images === 'png' ? 'png' : 'video', chosen, open, afterStep, onEpisode);
    return { format: request.format, images, out: request.out, episodes: chosen.length, steps, cameras };
  } finally {
    frames.dispose();
  }
}

function imagesOf({ format, images, width, height }: ExportRequest, listener: RunListener): string {
  const choices: readonly string[] = EXPORT_IMAGES[format];
  if (images !== undefined && !choices.includes(images)) {
    throw new UsageError(`--images of format ${format} is ${choices.join(' or ')}, not ${images}`);
  }
  const chosen = images ?? choices[0]!;
  if (chosen === 'video' && (width % 2 === 1 || height % 2 === 1)) {
    throw new UsageError(`videos have an even width and height, not ${width}x${height}; change --size`);
  }
  if (chosen !== 'video' || ffmpegInstalled()) return chosen;
  if (images !== undefined)
    throw new UsageError('videos need ffmpeg, which is not installed; use --images png');
  listener.onLine('ffmpeg is not installed: images go into the data files as PNG instead of videos');
  return 'png';
}

function refuseExisting(out: string): void {
  const taken = storing(out, () => existsSync(out) && readdirSync(out).length > 0);
  if (taken) throw new StorageError(`${out} exists already; choose another --out, or delete it`);
}

type Opener = (chosen: ChosenEpisode) => Promise<ExportEpisode>;

/** One file per episode, `episode_0.hdf5` and so on; each appears when it is whole. */
async function toAloha(
  { out, channelOrder }: ExportRequest,
  images: 'raw' | 'jpeg',
  chosen: readonly ChosenEpisode[],
  open: Opener,
  afterStep: AfterStep,
  onEpisode: () => void,
): Promise<readonly CameraName[]> {
  storing(out, () => mkdirSync(out, { recursive: true }));
  let cameras: readonly CameraName[] = [];
  for (const [i, entry] of chosen.entries()) {
    const episode = await open(entry);
    ({ cameras } = episode.images);
    const options = { images, channelOrder, encodeJpeg };
    await writeActHdf5(join(out, `episode_${i}.hdf5`), episode, options, afterStep);
    onEpisode();
  }
  return cameras;
}

/** The dataset appears when all of it is whole. */
async function toLerobot(
  request: ExportRequest,
  images: 'video' | 'png',
  chosen: readonly ChosenEpisode[],
  open: Opener,
  afterStep: AfterStep,
  onEpisode: () => void,
): Promise<readonly CameraName[]> {
  const { out, width, height } = request;
  const first = await open(chosen[0]!);
  const { cameras } = first.images;
  const quality = { keyFrameEvery: VIDEO_KEY_FRAME_EVERY, rateFactor: VIDEO_RATE_FACTOR };
  const writer = new LerobotWriter(out.replace(/[/\\]+$/, ''), {
    cameras,
    width,
    height,
    images,
    framesPerSecond: FRAMES_PER_SECOND,
    robotType: 'aloha',
    encodePng: asPng,
    openVideo: (path) => openFfmpegVideo(path, width, height, FRAMES_PER_SECOND, quality),
  });
  try {
    for (const [i, entry] of chosen.entries()) {
      const episode = i === 0 ? first : await open(entry);
      requireCameras(entry.path, episode.images, cameras);
      const task = request.instruction ?? INSTRUCTIONS[episode.data.info.task];
      await writer.addEpisode(episode, task, afterStep);
      onEpisode();
    }
    await writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  return cameras;
}

/** A dataset has the same cameras throughout. */
function requireCameras(path: string, images: ExportImages, wanted: readonly CameraName[]): void {
  const missing = wanted.filter((camera) => !images.cameras.includes(camera));
  if (missing.length === 0) return;
  throw new UnknownCameraError(
    `${path} has no ${missing.join(', ')}, which the first episode has; choose common ones with --cameras`,
  );
}
