/**
 * Names and places of a LeRobotDataset v3.0 (huggingface/lerobot, datasets/utils.py), for writing and reading.
 * We write one data file and one video per camera for each episode, which the format allows.
 */

export const CODEBASE_VERSION = 'v3.0';
/** Files per folder. */
export const CHUNK_SIZE = 1000;

export const STATE = 'observation.state';
export const VELOCITY = 'observation.velocity';
export const EFFORT = 'observation.effort';
export const ACTION = 'action';
export const IMAGES = 'observation.images.';
export const REWARD = 'next.reward';
export const DONE = 'next.done';
export const SUCCESS = 'next.success';
/** Ours: when the joints were measured [s]; LeRobot's own `timestamp` is nominal. */
export const MEASURED_TIME = 'measured_time';

export const PATHS = {
  info: 'meta/info.json',
  statistics: 'meta/stats.json',
  tasks: 'meta/tasks.parquet',
  episodes: 'meta/episodes/chunk-000/file-000.parquet',
  /** Ours, which LeRobot leaves alone: facts of each episode, one JSON a line. */
  facts: 'meta/alohad.jsonl',
  data: 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet',
  video: 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4',
} as const;

/** Fills in a pattern of info.json. */
export const fillPattern = (pattern: string, chunk: number, file: number, videoKey = ''): string =>
  pattern
    .replace('{video_key}', videoKey)
    .replace(/\{(chunk|file)_index:03d\}/g, (_, which) =>
      String(which === 'chunk' ? chunk : file).padStart(3, '0'),
    );
