/** Writes episodes as a LeRobotDataset v3.0, which LeRobot loads and trains from. */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { storing } from '../../contract/systemError.js';
import { DOF } from '../../contract/robot.js';
import {
  ACTION,
  CHUNK_SIZE,
  CODEBASE_VERSION,
  DONE,
  EFFORT,
  fillPattern,
  IMAGES,
  MEASURED_TIME,
  PATHS,
  REWARD,
  STATE,
  SUCCESS,
  VELOCITY,
} from '../lerobotLayout.js';
import { factsText } from '../storedFacts.js';
import type { AfterStep, ExportEpisode, ImageEncoder } from './exportEpisode.js';
import { ImageStatistics, VectorStatistics } from './featureStatistics.js';
import { dataColumns, featuresOf, huggingFaceMetadata, type DatasetShape } from './lerobotFeatures.js';
import { EpisodeTable } from './lerobotTables.js';
import { ParquetFile } from './parquetFile.js';

/** A video that grows frame by frame. */
export interface VideoSink {
  add(rgb: Uint8Array): Promise<void>;
  finish(): Promise<unknown>;
  /** Gives it up. Safe after `finish`. */
  cancel(): Promise<void>;
}

export interface LerobotOptions extends DatasetShape {
  readonly robotType: string;
  readonly encodePng: ImageEncoder;
  readonly openVideo: (path: string) => VideoSink;
}

/** Images per row group: what is held in memory. */
const IMAGE_BLOCK = 16;
/** Images per camera and episode that statistics are taken from, as LeRobot does. */
const STATISTICS_IMAGES = 100;

type Accumulator = VectorStatistics | ImageStatistics;

export class LerobotWriter {
  readonly #folder: string;
  readonly #part: string;
  readonly #options: LerobotOptions;
  readonly #features: ReturnType<typeof featuresOf>;
  readonly #table: EpisodeTable;
  readonly #statistics: Map<string, Accumulator>;

  /** Begins a dataset at `folder`, which appears with `finish`. Throws StorageError. */
  constructor(folder: string, options: LerobotOptions) {
    this.#folder = folder;
    this.#part = `${folder}.part`;
    this.#options = options;
    this.#features = featuresOf(options);
    this.#statistics = this.#accumulators();
    this.#table = new EpisodeTable(
      options.images === 'video' ? options.cameras.map((camera) => IMAGES + camera) : [],
      options.framesPerSecond,
    );
    storing(folder, () => {
      rmSync(this.#part, { recursive: true, force: true });
      mkdirSync(join(this.#part, 'meta'), { recursive: true });
    });
  }

  /** Appends an episode that does `task`. Throws StorageError and what `afterStep` throws; then call `discard`. */
  async addEpisode(episode: ExportEpisode, task: string, afterStep: AfterStep): Promise<void> {
    const { images } = this.#options;
    const index = this.#table.length;
    const [chunk, file] = [Math.floor(index / CHUNK_SIZE), index % CHUNK_SIZE];
    const parquet = new ParquetFile(
      this.#place(fillPattern(PATHS.data, chunk, file)),
      dataColumns(this.#features),
      { huggingface: huggingFaceMetadata(this.#features) },
    );
    const videos =
      images === 'video'
        ? this.#options.cameras.map((camera) =>
            this.#options.openVideo(this.#place(fillPattern(PATHS.video, chunk, file, IMAGES + camera))),
          )
        : [];
    const statistics = this.#accumulators();
    const taskIndex = this.#table.taskIndex(task);
    try {
      const { steps } = episode.data;
      const block = images === 'video' ? Math.max(1, steps) : IMAGE_BLOCK;
      for (let start = 0; start < steps; start += block) {
        const end = Math.min(steps, start + block);
        const columns = this.#numbers(episode, start, end, taskIndex, statistics);
        for (let step = start; step < end; step++) {
          await this.#images(episode, step, videos, columns, statistics);
          await afterStep();
        }
        await parquet.write(
          Object.keys(dataColumns(this.#features)).map((name) => ({ name, data: columns[name] ?? [] })),
        );
      }
      await parquet.close();
      for (const video of videos) await video.finish();
    } catch (error) {
      for (const video of videos) await video.cancel();
      throw error;
    }
    const results = new Map([...statistics].map(([name, accumulator]) => [name, accumulator.result()]));
    this.#table.add(episode.data.steps, task, results);
    storing(this.#folder, () => {
      appendFileSync(this.#place(PATHS.facts), `${factsText(episode.data)}\n`);
    });
  }

  /** Completes the dataset and gives it its name. Throws StorageError. */
  async finish(): Promise<void> {
    const { cameras, framesPerSecond, images, robotType } = this.#options;
    await this.#table.write(this.#place(PATHS.tasks), this.#place(PATHS.episodes));
    const info = {
      codebase_version: CODEBASE_VERSION,
      robot_type: robotType,
      total_episodes: this.#table.length,
      total_frames: this.#table.frames,
      total_tasks: this.#table.tasks.length,
      chunks_size: CHUNK_SIZE,
      data_files_size_in_mb: 100,
      video_files_size_in_mb: 200,
      fps: framesPerSecond,
      splits: { train: `0:${this.#table.length}` },
      data_path: PATHS.data,
      video_path: images === 'video' && cameras.length > 0 ? PATHS.video : null,
      features: this.#features,
    };
    const statistics = Object.fromEntries(
      [...this.#statistics].map(([name, accumulator]) => [name, statisticsJson(accumulator)]),
    );
    storing(this.#folder, () => {
      writeFileSync(this.#place(PATHS.statistics), json(statistics));
      writeFileSync(this.#place(PATHS.info), json(info));
      renameSync(this.#part, this.#folder);
    });
  }

  /** Throws away what was written. */
  discard(): void {
    rmSync(this.#part, { recursive: true, force: true });
  }

  /** The numbers of steps start..end as columns, counted into the statistics. */
  #numbers(
    { data }: ExportEpisode,
    start: number,
    end: number,
    taskIndex: number,
    statistics: Map<string, Accumulator>,
  ): Record<string, unknown[]> {
    const columns: Record<string, unknown[]> = {};
    const put = (name: string, values: number[] | Float32Array, stored: unknown): void => {
      (columns[name] ??= []).push(stored);
      for (const target of [statistics, this.#statistics]) {
        const accumulator = target.get(name);
        if (accumulator instanceof VectorStatistics) accumulator.add(values);
      }
    };
    for (let step = start; step < end; step++) {
      for (const [name, column] of [
        [STATE, data.qpos],
        [VELOCITY, data.qvel],
        [EFFORT, data.effort],
        [ACTION, data.action],
      ] as const) {
        const row = Float32Array.from(column.subarray(step * DOF, (step + 1) * DOF));
        put(name, row, [...row]);
      }
      const done = step === data.steps - 1;
      const success = done && data.outcome.success;
      const reward = data.reward[step]!;
      const seconds = data.timeMs[step]! / 1000;
      const timestamp = step / this.#options.framesPerSecond;
      put(REWARD, [reward], reward);
      put(DONE, [Number(done)], done);
      put(SUCCESS, [Number(success)], success);
      put(MEASURED_TIME, [seconds], seconds);
      put('timestamp', [timestamp], timestamp);
      for (const [name, value] of [
        ['frame_index', step],
        ['episode_index', this.#table.length],
        ['index', this.#table.frames + step],
        ['task_index', taskIndex],
      ] as const) {
        put(name, [value], BigInt(value));
      }
    }
    return columns;
  }

  /** The images of one step, to their videos or as a column. */
  async #images(
    { data, images }: ExportEpisode,
    step: number,
    videos: readonly VideoSink[],
    columns: Record<string, unknown[]>,
    statistics: Map<string, Accumulator>,
  ): Promise<void> {
    const { cameras, width, height, encodePng } = this.#options;
    const sampled = step % Math.max(1, Math.floor(data.steps / STATISTICS_IMAGES)) === 0;
    for (const [i, camera] of cameras.entries()) {
      const name = IMAGES + camera;
      const jpeg = videos.length === 0 ? images.jpeg(camera, step) : undefined;
      const rgb = jpeg && !sampled ? undefined : images.rgb(camera, step);
      if (rgb && sampled) {
        for (const target of [statistics, this.#statistics]) {
          const accumulator = target.get(name);
          if (accumulator instanceof ImageStatistics) accumulator.add(rgb);
        }
      }
      if (rgb) await videos[i]?.add(rgb);
      if (videos.length > 0) continue;
      const bytes = jpeg ?? (rgb && encodePng(rgb, width, height));
      const path = `frame-${String(step).padStart(6, '0')}.${jpeg ? 'jpg' : 'png'}`;
      (columns[name] ??= []).push({ bytes, path });
    }
  }

  #accumulators(): Map<string, Accumulator> {
    return new Map(
      Object.entries(this.#features).map(([name, { dtype, shape }]) => [
        name,
        dtype === 'video' || dtype === 'image' ? new ImageStatistics() : new VectorStatistics(shape[0] ?? 1),
      ]),
    );
  }

  /** Absolute path of a file of the dataset, whose folder is made. */
  #place(name: string): string {
    const path = join(this.#part, name);
    storing(path, () => mkdirSync(dirname(path), { recursive: true }));
    return path;
  }
}

/** Image statistics are (3, 1, 1), so that they apply to channel-first images. */
function statisticsJson(accumulator: Accumulator): Record<string, unknown> {
  const result = Object.entries(accumulator.result());
  const nested = accumulator instanceof ImageStatistics;
  return Object.fromEntries(
    result.map(([name, values]) => [
      name,
      nested && name !== 'count' ? values.map((value: number) => [[value]]) : values,
    ]),
  );
}

const json = (value: object): string => `${JSON.stringify(value, null, 4)}\n`;
