import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { EpisodeError, Interrupted } from '#alohad/contract/errors.js';
import { encodeJpeg } from '#alohad/daemon/jpegEncoder.js';
import { LerobotWriter, type LerobotOptions } from '#alohad/episodes/export/lerobotWriter.js';
import { openLerobot } from '#alohad/episodes/import/lerobotReader.js';
import { decodePng, encodePng } from '#alohad/imaging/png.js';
import { ffmpegInstalled, openFfmpegVideo } from '#alohad/imaging/video.js';
import { readVideo } from '#alohad/imaging/videoReader.js';
import { temporaryFolder } from '../exampleEpisode.js';
import { atOnce, CAMERAS, exampleExport, imageError, importBack, SIZE, STEPS } from './exampleExport.js';

const folder = temporaryFolder();
const codecs = { encodeJpeg, decodeImage: decodePng, readVideo };
const options = (images: 'video' | 'png'): LerobotOptions => ({
  ...SIZE,
  cameras: CAMERAS,
  images,
  framesPerSecond: 50,
  robotType: 'aloha',
  encodePng: (rgb, width, height) => encodePng({ rgb, width, height }),
  openVideo: (path) =>
    openFfmpegVideo(path, SIZE.width, SIZE.height, 50, { keyFrameEvery: 2, rateFactor: 18 }),
});

/** Two episodes of different length and task text. */
async function write(images: 'video' | 'png'): Promise<string> {
  const root = join(folder(), images);
  const writer = new LerobotWriter(root, options(images));
  await writer.addEpisode(exampleExport(folder()), 'insert the peg', atOnce);
  await writer.addEpisode(exampleExport(folder(), STEPS - 11), 'lift the cube', atOnce);
  expect(existsSync(root)).toBe(false);
  await writer.finish();
  expect(existsSync(`${root}.part`)).toBe(false);
  return root;
}

const rows = async (path: string): Promise<Record<string, unknown>[]> =>
  parquetReadObjects({ file: await asyncBufferFromFile(path) });

describe('a LeRobot dataset', () => {
  it('has the layout of version 3.0', async () => {
    const root = await write('png');
    const info: Record<string, unknown> = JSON.parse(readFileSync(join(root, 'meta/info.json'), 'utf8'));
    expect(info).toMatchObject({
      codebase_version: 'v3.0',
      fps: 50,
      total_episodes: 2,
      total_frames: 2 * STEPS - 11,
      total_tasks: 2,
      splits: { train: '0:2' },
      video_path: null,
      features: {
        'observation.state': { dtype: 'float32', shape: [14] },
        'observation.images.cam_high': { dtype: 'image', shape: [SIZE.height, SIZE.width, 3] },
        index: { dtype: 'int64', shape: [1], names: null },
      },
    });
    const tasks = join(root, 'meta/tasks.parquet');
    expect(await rows(tasks)).toEqual([
      { task_index: 0n, task: 'insert the peg' },
      { task_index: 1n, task: 'lift the cube' },
    ]);
    const { key_value_metadata: metadata } = await parquetMetadataAsync(await asyncBufferFromFile(tasks));
    expect(metadata?.find(({ key }) => key === 'pandas')?.value).toContain('"index_columns":["task"]');

    const [, second] = await rows(join(root, 'meta/episodes/chunk-000/file-000.parquet'));
    expect(second).toMatchObject({
      episode_index: 1n,
      tasks: ['lift the cube'],
      length: BigInt(STEPS - 11),
      'data/file_index': 1n,
      dataset_from_index: BigInt(STEPS),
      dataset_to_index: BigInt(2 * STEPS - 11),
    });
    const { data } = exampleExport(folder(), STEPS - 11);
    const frames = await rows(join(root, 'data/chunk-000/file-001.parquet'));
    expect(frames).toHaveLength(STEPS - 11);
    expect(frames[5]).toMatchObject({
      action: [...data.action.subarray(70, 84)].map(Math.fround),
      timestamp: Math.fround(0.1),
      frame_index: 5n,
      index: BigInt(STEPS + 5),
      task_index: 1n,
      'next.done': false,
    });
    expect(frames.at(-1)?.['next.done']).toBe(true);

    const text = readFileSync(join(root, 'meta/stats.json'), 'utf8');
    const statistics: Record<string, Record<string, unknown[]>> = JSON.parse(text);
    expect(Object.keys(statistics).sort()).toEqual(Object.keys(Object(info['features'])).sort());
    expect(statistics['index']).toMatchObject({ min: [0], max: [2 * STEPS - 12], count: [2 * STEPS - 11] });
    expect(statistics['observation.images.cam_high']?.['mean']).toMatchObject([
      [[expect.closeTo(0.87, 1)]],
      [[expect.any(Number)]],
      [[expect.any(Number)]],
    ]);
  });

  it('comes back from images', () => comesBack('png'));
  it.skipIf(!ffmpegInstalled())('comes back from videos', () => comesBack('video'));

  async function comesBack(images: 'png' | 'video'): Promise<void> {
    const dataset = await openLerobot(await write(images), codecs);
    expect([dataset.episodes, dataset.frames]).toEqual([2, 2 * STEPS - 11]);
    for (const [index, steps] of [STEPS, STEPS - 11].entries()) {
      const { data } = exampleExport(folder(), steps);
      const back = await importBack(join(folder(), `back-${index}`), await dataset.open(index));
      for (const column of ['qpos', 'qvel', 'effort', 'action'] as const) {
        expect(back[column], column).toEqual(data[column].map(Math.fround));
      }
      expect(back.reward).toEqual(data.reward);
      expect(back.timeMs.every((time, i) => Math.abs(time - data.timeMs[i]!) < 1e-6)).toBe(true);
      expect(back.outcome).toEqual(data.outcome);
      expect(back.info).toEqual({ ...data.info, cameras: CAMERAS });
      expect(imageError(back)).toBeLessThan(4);
    }
  }

  it('leaves nothing behind when it is given up', async () => {
    const writer = new LerobotWriter(join(folder(), 'x'), options('png'));
    const stop = (): Promise<void> => Promise.reject(new Interrupted('stopped'));
    await expect(writer.addEpisode(exampleExport(folder()), 'a task', stop)).rejects.toThrow(Interrupted);
    writer.discard();
    expect(readdirSync(folder()).filter((name) => name.startsWith('x'))).toEqual([]);
  });

  it('of an old version, of another robot, or not closed is refused by name', async () => {
    const root = await write('png');
    const infoPath = join(root, 'meta/info.json');
    const text = readFileSync(infoPath, 'utf8');
    const refused = async (message: RegExp): Promise<void> => {
      const opened = openLerobot(root, codecs);
      await expect(opened).rejects.toThrow(EpisodeError);
      await expect(opened).rejects.toThrow(message);
    };
    writeFileSync(infoPath, text.replace('v3.0', 'v2.1'));
    await refused(/version v2\.1, only v3\.0 can be read; convert it with/);
    writeFileSync(infoPath, text.replace('"observation.state"', '"observation.pose"'));
    await refused(/observation\.state is missing; it has observation\.pose/);
    writeFileSync(infoPath, text);
    rmSync(join(root, 'meta/episodes'), { recursive: true });
    await refused(/was not closed by its writer/);
    rmSync(infoPath);
    await refused(/not a LeRobot dataset/);
  });
});
