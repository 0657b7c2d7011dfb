/** Imports episodes from the files of others: ALOHA HDF5 and LeRobot datasets. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EpisodeError, UsageError } from '../contract/errors.js';
import type { EpisodeInfo } from '../contract/episode.js';
import type { TaskName } from '../contract/task.js';
import { EpisodeStore } from '../episodes/episodeStore.js';
import { openActHdf5 } from '../episodes/import/actHdf5Reader.js';
import { storeEpisode, type ForeignEpisode } from '../episodes/import/foreignEpisode.js';
import { openLerobot } from '../episodes/import/lerobotReader.js';
import { PATHS } from '../episodes/lerobotLayout.js';
import type { ChannelOrder } from '../episodes/storedFacts.js';
import { decodeJpeg } from '../imaging/jpeg.js';
import { decodePng } from '../imaging/png.js';
import { ffmpegInstalled } from '../imaging/video.js';
import { readVideo } from '../imaging/videoReader.js';
import type { ExportFormat } from './exporting.js';
import { encodeJpeg } from './jpegEncoder.js';
import { pacer } from './pacer.js';
import { version } from './parts.js';
import type { RunListener } from './runListener.js';

export interface ImportRequest {
  readonly path: string;
  readonly out: string;
  /** Guessed from the path when absent. */
  readonly format?: ExportFormat;
  /** What was done, where the files do not say. */
  readonly task: TaskName;
  readonly channelOrder?: ChannelOrder;
  /** The demonstrations succeeded, where the files do not say. */
  readonly success: boolean;
}

export interface ImportReport {
  readonly format: ExportFormat;
  readonly out: string;
  readonly steps: number;
  readonly files: readonly string[];
}

/** Episodes one after the other, each opened when its turn comes. */
interface Foreign {
  readonly count: number;
  open(index: number): Promise<ForeignEpisode>;
}

/** Throws UsageError, EpisodeError, StorageError, Interrupted; episodes finished before are kept. */
export async function importEpisodes(
  request: ImportRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<ImportReport> {
  const format = request.format ?? guess(request.path);
  const source = format === 'aloha' ? alohaFiles(request) : await lerobotDataset(request.path);
  const { count } = source;
  const store = EpisodeStore.open(request.out, { create: true });
  const files: string[] = [];
  let steps = 0;
  const advance = pacer(listener, signal, count, () => `${files.length} of ${count} episodes`);
  for (let i = 0; i < count; i++) {
    const foreign = await source.open(i);
    try {
      const afterStep = (): Promise<void> => advance(1 / foreign.steps);
      const success = foreign.facts?.outcome.success ?? (request.success ? true : undefined);
      files.push(await storeEpisode(store, foreign, infoOf(foreign, request, format), success, afterStep));
      steps += foreign.steps;
    } finally {
      foreign.close();
    }
  }
  return { format, out: request.out, steps, files };
}

function guess(path: string): ExportFormat {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (!kind) throw new EpisodeError(`there is no file or folder ${path}`);
  if (kind.isDirectory() && existsSync(join(path, PATHS.info))) return 'lerobot';
  if (!kind.isDirectory() || hdf5Files(path).length > 0) return 'aloha';
  throw new UsageError(
    `${path} is neither a LeRobot dataset (${PATHS.info}) nor a folder of ALOHA episodes (*.hdf5)`,
  );
}

/** By their numbers: episode_10 comes after episode_9. */
const hdf5Files = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.(hdf5|h5)$/.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(folder, name));

function alohaFiles({ path, channelOrder }: ImportRequest): Foreign {
  const files = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? hdf5Files(path) : [path];
  const options = { encodeJpeg, decodeJpeg, ...(channelOrder && { channelOrder }) };
  return { count: files.length, open: (index) => openActHdf5(files[index]!, options) };
}

async function lerobotDataset(path: string): Promise<Foreign> {
  const decodeImage = (bytes: Uint8Array): ReturnType<typeof decodePng> =>
    bytes[0] === 0xff ? decodeJpeg(bytes) : decodePng(bytes);
  const dataset = await openLerobot(path, {
    encodeJpeg,
    decodeImage,
    readVideo: (...args) => {
      if (!ffmpegInstalled())
        throw new UsageError(`the images of ${path} are videos: install ffmpeg to read them`);
      return readVideo(...args);
    },
  });
  return { count: dataset.episodes, open: (index) => dataset.open(index) };
}

/** What alohad itself once stored with the episode, else what can be said of it. */
function infoOf(foreign: ForeignEpisode, { task }: ImportRequest, format: ExportFormat): EpisodeInfo {
  const { facts, cameras, origin } = foreign;
  const imported = { importedFrom: origin, importedBy: `alohad ${version}`, importedFormat: format };
  if (facts) return { ...facts.info, cameras, extra: { ...facts.info.extra, ...imported } };
  return {
    task,
    backend: foreign.simulated ? 'sim' : 'real',
    source: 'import',
    seed: 0,
    startObjects: [],
    softwareVersion: version,
    gripper: {},
    cameras,
    extra: imported,
  };
}
