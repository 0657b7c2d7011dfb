/** Reads LeRobotDatasets v3.0 of two ALOHA arms, whoever wrote them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { z } from 'zod';
import type { CameraName } from '../../contract/camera.js';
import { EpisodeError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import { meaningOf } from '../../contract/systemError.js';
import type { ImageEncoder } from '../export/exportEpisode.js';
import {
  ACTION,
  CODEBASE_VERSION,
  EFFORT,
  fillPattern,
  IMAGES,
  MEASURED_TIME,
  PATHS,
  REWARD,
  STATE,
  VELOCITY,
} from '../lerobotLayout.js';
import { parseFacts, type StoredFacts } from '../storedFacts.js';
import { nominalTimes, type DecodedImage, type ForeignEpisode } from './foreignEpisode.js';

/** Part of a video file as RGB frames of height x width x 3, borrowed until the next one. */
export type VideoReader = (
  path: string,
  part: { readonly fromSeconds: number; readonly frames: number; readonly framesPerSecond: number },
  size: { readonly width: number; readonly height: number },
) => AsyncIterable<Uint8Array>;

export interface LerobotReadOptions {
  readonly encodeJpeg: ImageEncoder;
  /** JPEG or PNG, by its content. */
  readonly decodeImage: (bytes: Uint8Array) => DecodedImage;
  readonly readVideo: VideoReader;
}

export interface LerobotDataset {
  readonly episodes: number;
  readonly framesPerSecond: number;
  /** Steps of all episodes. */
  readonly frames: number;
  /** Throws EpisodeError. */
  open(index: number): Promise<ForeignEpisode>;
}

const infoSchema = z.object({
  codebase_version: z.string(),
  fps: z.number().positive(),
  data_path: z.string(),
  video_path: z.string().nullish(),
  features: z.record(z.string(), z.object({ dtype: z.string(), shape: z.array(z.number()) })),
});
type Info = z.infer<typeof infoSchema>;

const integer = z.coerce.number().int();
const episodeSchema = z.looseObject({
  episode_index: integer,
  length: integer,
  'data/chunk_index': integer,
  'data/file_index': integer,
});
type Episode = z.infer<typeof episodeSchema>;

/** Rows of images that are decoded at a time. */
const IMAGE_BLOCK = 16;

/** Opens the dataset in `root`. Throws EpisodeError when it is none, of another version, or of another robot. */
export async function openLerobot(root: string, options: LerobotReadOptions): Promise<LerobotDataset> {
  const info = readInfo(join(root, PATHS.info));
  for (const name of [STATE, ACTION]) {
    const shape = info.features[name]?.shape;
    if (shape?.length === 1 && shape[0] === DOF) continue;
    const has = shape
      ? `of shape (${shape.join(', ')})`
      : `missing; it has ${Object.keys(info.features).join(', ')}`;
    throw new EpisodeError(`${root}: ${name} is ${has}; wanted (${DOF}): two arms of 6 joints and a gripper`);
  }
  const episodes = await readEpisodes(join(root, 'meta/episodes'));
  const facts = readFacts(join(root, PATHS.facts));
  return {
    episodes: episodes.length,
    framesPerSecond: info.fps,
    frames: episodes.reduce((sum, { length }) => sum + length, 0),
    open: async (index) => {
      const episode = episodes[index];
      if (!episode) throw new RangeError(`episode ${index} of ${episodes.length}`);
      return openEpisode(root, info, episode, facts[index], options);
    },
  };
}

function readInfo(path: string): Info {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new EpisodeError(`this is not a LeRobot dataset: cannot read ${path}: ${meaningOf(error)}`, {
      cause: error,
    });
  }
  const { codebase_version: version } = z
    .looseObject({ codebase_version: z.string().optional() })
    .parse(content);
  if (version !== CODEBASE_VERSION) {
    throw new EpisodeError(
      `${path}: the dataset is of version ${version}, only ${CODEBASE_VERSION} can be read; ` +
        'convert it with `python -m lerobot.scripts.convert_dataset_v21_to_v30`',
    );
  }
  const info = infoSchema.safeParse(content);
  if (!info.success) throw new EpisodeError(`${path}: ${z.prettifyError(info.error)}`);
  return info.data;
}

/** All rows of meta/episodes, in order, without their statistics. */
async function readEpisodes(folder: string): Promise<Episode[]> {
  const files = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'))
    : [];
  if (files.length === 0) {
    throw new EpisodeError(`${folder} has no episode table: the dataset was not closed by its writer`);
  }
  const rows: Episode[] = [];
  for (const name of files.sort()) {
    for (const row of await rowsOf(join(folder, name), (column) => !column.startsWith('stats/'))) {
      const episode = episodeSchema.safeParse(row);
      if (!episode.success)
        throw new EpisodeError(`${join(folder, name)}: ${z.prettifyError(episode.error)}`);
      rows.push(episode.data);
    }
  }
  return rows.sort((a, b) => a.episode_index - b.episode_index);
}

function readFacts(path: string): readonly StoredFacts[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => parseFacts(path, line));
}

async function openEpisode(
  root: string,
  info: Info,
  episode: Episode,
  facts: StoredFacts | undefined,
  options: LerobotReadOptions,
): Promise<ForeignEpisode> {
  const origin = `${root} episode ${episode.episode_index}`;
  const path = join(
    root,
    fillPattern(info.data_path, episode['data/chunk_index'], episode['data/file_index']),
  );
  const range = await rangeOf(path, episode, origin);
  const steps = episode.length;
  const wanted = [STATE, ACTION, VELOCITY, EFFORT, REWARD, MEASURED_TIME].filter(
    (name) => info.features[name],
  );
  const rows = await rowsOf(path, (column) => wanted.includes(column), range);
  const column = (name: string, size: number): Float64Array | undefined => {
    const shape = info.features[name]?.shape;
    if (!shape || shape.reduce((a, b) => a * b, 1) !== size) return undefined;
    const values = new Float64Array(steps * size);
    rows.forEach((row, step) => {
      const value: unknown = row[name];
      values.set(isNumbers(value) ? Array.from(value) : [Number(value)], step * size);
    });
    return values;
  };
  const zeros = new Float64Array(steps * DOF);
  const keys = Object.keys(info.features).filter((key) => key.startsWith(IMAGES));
  const seconds = column(MEASURED_TIME, 1);
  return {
    origin,
    steps,
    qpos: column(STATE, DOF)!,
    qvel: column(VELOCITY, DOF) ?? zeros,
    effort: column(EFFORT, DOF) ?? zeros,
    action: column(ACTION, DOF)!,
    reward: column(REWARD, 1) ?? new Float64Array(steps),
    timeMs: seconds?.map((s) => s * 1000) ?? nominalTimes(steps, 1000 / info.fps),
    ...(facts && { facts }),
    cameras: keys.map((key) => key.slice(IMAGES.length)),
    frames: (camera) => {
      const key = IMAGES + camera;
      return info.features[key]?.dtype === 'video'
        ? videoFrames(root, info, episode, camera, options)
        : imageFrames(path, key, range, options);
    },
    close: () => undefined,
  };
}

interface Range {
  readonly rowStart: number;
  readonly rowEnd: number;
}

/** Where the episode's rows lie in its data file. */
async function rangeOf(path: string, episode: Episode, origin: string): Promise<Range> {
  const numbers = await rowsOf(path, (column) => column === 'episode_index');
  const rowStart = numbers.findIndex((row) => Number(row['episode_index']) === episode.episode_index);
  const rowEnd = rowStart + episode.length;
  if (rowStart < 0 || Number(numbers[rowEnd - 1]?.['episode_index']) !== episode.episode_index) {
    throw new EpisodeError(`${origin}: ${path} does not hold its ${episode.length} frames`);
  }
  return { rowStart, rowEnd };
}

async function* imageFrames(
  path: string,
  key: string,
  { rowStart, rowEnd }: Range,
  { encodeJpeg, decodeImage }: LerobotReadOptions,
): AsyncGenerator<Uint8Array> {
  for (let start = rowStart; start < rowEnd; start += IMAGE_BLOCK) {
    const block = { rowStart: start, rowEnd: Math.min(rowEnd, start + IMAGE_BLOCK) };
    for (const row of await rowsOf(path, (column) => column === key, block)) {
      const { bytes }: { bytes?: unknown } = Object(row[key]);
      if (!(bytes instanceof Uint8Array)) {
        throw new EpisodeError(
          `${path}: an image of ${key} is not in the file; only embedded images can be read`,
        );
      }
      if (bytes[0] === 0xff && bytes[1] === 0xd8) {
        yield bytes;
        continue;
      }
      const { rgb, width, height } = decodeImage(bytes);
      yield encodeJpeg(rgb, width, height);
    }
  }
}

async function* videoFrames(
  root: string,
  info: Info,
  episode: Episode,
  camera: CameraName,
  { encodeJpeg, readVideo }: LerobotReadOptions,
): AsyncGenerator<Uint8Array> {
  const key = IMAGES + camera;
  const [height = 0, width = 0] = info.features[key]?.shape ?? [];
  const place = z.object({ chunk: integer, file: integer, from: z.number() }).safeParse({
    chunk: episode[`videos/${key}/chunk_index`],
    file: episode[`videos/${key}/file_index`],
    from: episode[`videos/${key}/from_timestamp`],
  });
  if (!place.success) throw new EpisodeError(`${root}: the episode table does not say where ${key} is`);
  const { chunk, file, from } = place.data;
  const path = join(root, fillPattern(info.video_path ?? PATHS.video, chunk, file, key));
  const part = { fromSeconds: from, frames: episode.length, framesPerSecond: info.fps };
  for await (const rgb of readVideo(path, part, { width, height })) yield encodeJpeg(rgb, width, height);
}

/** Rows of a parquet file with the wanted columns. Throws EpisodeError. */
async function rowsOf(
  path: string,
  wanted: (column: string) => boolean,
  range: Partial<Range> = {},
): Promise<Record<string, unknown>[]> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const columns = topLevel(metadata.schema).filter(wanted);
    return await parquetReadObjects({ file, metadata, columns, utf8: false, useOffsetIndex: true, ...range });
  } catch (error) {
    throw new EpisodeError(`cannot read ${path}: ${meaningOf(error)}`, { cause: error });
  }
}

/** Names of the columns: the children of the first element of a schema that is listed depth first. */
function topLevel(schema: readonly { readonly name: string; readonly num_children?: number }[]): string[] {
  const names: string[] = [];
  let i = 1;
  const skip = (): void => {
    const children = schema[i++]?.num_children ?? 0;
    for (let k = 0; k < children; k++) skip();
  };
  while (i < schema.length) {
    names.push(schema[i]!.name);
    skip();
  }
  return names;
}

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  Array.isArray(value) || ArrayBuffer.isView(value);
