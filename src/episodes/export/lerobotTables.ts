/** The tables of a LeRobot dataset beside its data: episodes and tasks. */
import { CHUNK_SIZE } from '../lerobotLayout.js';
import type { FeatureStatistics } from './featureStatistics.js';
import { writeParquet, type ColumnType } from './parquetFile.js';

const INTEGER: ColumnType = { scalar: 'INT64', depth: 0 };
const SECONDS: ColumnType = { scalar: 'DOUBLE', depth: 0 };

export class EpisodeTable {
  readonly #videoKeys: readonly string[];
  readonly #framesPerSecond: number;
  readonly #columns: Record<string, ColumnType> = {};
  readonly #rows: Record<string, unknown[]> = {};
  readonly tasks: string[] = [];
  /** Episodes and frames so far. */
  length = 0;
  frames = 0;

  constructor(videoKeys: readonly string[], framesPerSecond: number) {
    this.#videoKeys = videoKeys;
    this.#framesPerSecond = framesPerSecond;
  }

  /** Number of the task with this text. */
  taskIndex(task: string): number {
    const known = this.tasks.indexOf(task);
    return known < 0 ? this.tasks.push(task) - 1 : known;
  }

  /** Appends an episode: its statistics by feature. */
  add(steps: number, task: string, statistics: ReadonlyMap<string, FeatureStatistics>): void {
    const place = {
      chunk: BigInt(Math.floor(this.length / CHUNK_SIZE)),
      file: BigInt(this.length % CHUNK_SIZE),
    };
    this.#put('episode_index', INTEGER, BigInt(this.length));
    this.#put('tasks', { scalar: 'STRING', depth: 1 }, [task]);
    this.#put('length', INTEGER, BigInt(steps));
    this.#put('data/chunk_index', INTEGER, place.chunk);
    this.#put('data/file_index', INTEGER, place.file);
    this.#put('dataset_from_index', INTEGER, BigInt(this.frames));
    this.#put('dataset_to_index', INTEGER, BigInt(this.frames + steps));
    for (const key of this.#videoKeys) {
      this.#put(`videos/${key}/chunk_index`, INTEGER, place.chunk);
      this.#put(`videos/${key}/file_index`, INTEGER, place.file);
      this.#put(`videos/${key}/from_timestamp`, SECONDS, 0);
      this.#put(`videos/${key}/to_timestamp`, SECONDS, steps / this.#framesPerSecond);
    }
    for (const [feature, values] of statistics) {
      const image = feature.includes('.images.');
      for (const [name, numbers] of Object.entries(values)) {
        const list: readonly number[] = numbers;
        const count = name === 'count';
        this.#put(
          `stats/${feature}/${name}`,
          { scalar: count ? 'INT64' : 'DOUBLE', depth: image && !count ? 3 : 1 },
          list.map((value) => (count ? BigInt(value) : image ? [[value]] : value)),
        );
      }
    }
    this.#put('meta/episodes/chunk_index', INTEGER, 0n);
    this.#put('meta/episodes/file_index', INTEGER, 0n);
    this.length += 1;
    this.frames += steps;
  }

  /** Throws StorageError. */
  async write(tasksPath: string, episodesPath: string): Promise<void> {
    await writeParquet(
      tasksPath,
      { task_index: INTEGER, task: { scalar: 'STRING', depth: 0 } },
      { task_index: this.tasks.map((_, i) => BigInt(i)), task: this.tasks },
      { pandas: JSON.stringify(PANDAS) },
    );
    await writeParquet(episodesPath, this.#columns, this.#rows);
  }

  #put(name: string, type: ColumnType, value: unknown): void {
    this.#columns[name] = type;
    (this.#rows[name] ??= []).push(value);
  }
}

/** Makes `task` the index of the frame that pandas reads: LeRobot looks texts up there. */
const PANDAS = {
  index_columns: ['task'],
  column_indexes: [],
  columns: [
    {
      name: 'task_index',
      field_name: 'task_index',
      pandas_type: 'int64',
      numpy_type: 'int64',
      metadata: null,
    },
    { name: 'task', field_name: 'task', pandas_type: 'unicode', numpy_type: 'object', metadata: null },
  ],
  creator: { library: 'alohad', version: '0' },
  pandas_version: '2.0.0',
};
