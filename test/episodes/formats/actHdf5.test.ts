import { readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskFullError, EpisodeError, Interrupted } from '#alohad/contract/errors.js';
import { encodeJpeg } from '#alohad/daemon/jpegEncoder.js';
import { writeActHdf5, type ActHdf5Options } from '#alohad/episodes/export/actHdf5Writer.js';
import { openActHdf5 } from '#alohad/episodes/import/actHdf5Reader.js';
import { datasetOf, openHdf5, writeHdf5 } from '#alohad/episodes/hdf5File.js';
import { decodeJpeg } from '#alohad/imaging/jpeg.js';
import { temporaryFolder } from '../exampleEpisode.js';
import { atOnce, exampleExport, imageError, importBack, picture, SIZE, STEPS } from './exampleExport.js';

const folder = temporaryFolder();
const codecs = { encodeJpeg, decodeJpeg };
const options = (part: Partial<ActHdf5Options> = {}): ActHdf5Options => ({
  images: 'raw',
  channelOrder: 'rgb',
  encodeJpeg,
  ...part,
});

describe('ALOHA HDF5', () => {
  it('has the published layout, raw', async () => {
    const episode = exampleExport(folder());
    const path = join(folder(), 'episode_0.hdf5');
    await writeActHdf5(path, episode, options(), atOnce);
    expect(readdirSync(folder()).filter((name) => name.includes('hdf5'))).toEqual(['episode_0.hdf5']);
    const file = await openHdf5(path);
    expect(file.attrs['sim']?.value).toBe(1);
    expect(file.attrs['compress']).toBeUndefined();
    for (const name of ['observations/qpos', 'observations/qvel', 'observations/effort', 'action']) {
      const dataset = datasetOf(file, name);
      expect([dataset?.shape, dataset?.dtype], name).toEqual([[STEPS, 14], '<f']);
    }
    expect(datasetOf(file, 'action')?.value).toEqual(Float32Array.from(episode.data.action));
    const images = datasetOf(file, 'observations/images/cam_high');
    expect([images?.shape, images?.dtype, images?.metadata.chunks]).toEqual([
      [STEPS, SIZE.height, SIZE.width, 3],
      '<B',
      [1, SIZE.height, SIZE.width, 3],
    ]);
    expect(images?.slice([[17, 18]])).toEqual(picture('cam_high', 17));
    file.close();
  });

  it('has the layout of act-plus-plus, compressed: padded JPEGs with their lengths, red and blue swapped', async () => {
    const path = join(folder(), 'episode_0.hdf5');
    await writeActHdf5(path, exampleExport(folder()), options({ images: 'jpeg' }), atOnce);
    const file = await openHdf5(path);
    expect(file.attrs['compress']?.value).toBe(1);
    const lengths = datasetOf(file, 'compress_len');
    const images = datasetOf(file, 'observations/images/cam_left_wrist');
    expect([lengths?.shape, lengths?.dtype]).toEqual([[2, STEPS], '<f']);
    const values = lengths?.value;
    if (!(values instanceof Float32Array)) throw new Error('lengths are float32');
    expect(images?.shape).toEqual([STEPS, Math.max(...values)]);
    const bytes = images?.slice([[3, 4]]);
    if (!(bytes instanceof Uint8Array)) throw new Error('images are bytes');
    const length = values[STEPS + 3] ?? 0;
    expect([...bytes.subarray(length - 2, length)]).toEqual([0xff, 0xd9]);
    expect(bytes.subarray(length).every((byte) => byte === 0)).toBe(true);
    const [red = 0, , blue = 0] = decodeJpeg(bytes.subarray(0, length)).rgb;
    expect(blue - red).toBeGreaterThan(100);
    file.close();
  });

  it.each([
    ['raw', 'rgb'],
    ['raw', 'bgr'],
    ['jpeg', 'rgb'],
    ['jpeg', 'bgr'],
  ] as const)('comes back: %s, %s', async (images, channelOrder) => {
    const { data, images: source } = exampleExport(folder());
    const path = join(folder(), 'episode_0.hdf5');
    await writeActHdf5(path, { data, images: source }, options({ images, channelOrder }), atOnce);
    const foreign = await openActHdf5(path, codecs);
    const back = await importBack(join(folder(), 'back'), foreign);
    foreign.close();
    for (const column of ['qpos', 'qvel', 'effort', 'action'] as const) {
      expect(back[column], column).toEqual(data[column].map(Math.fround));
    }
    expect(back.reward).toEqual(data.reward);
    expect(back.timeMs).toEqual(data.timeMs);
    expect(back.outcome).toEqual(data.outcome);
    expect(back.info).toEqual({ ...data.info, cameras: source.cameras });
    expect(imageError(back)).toBeLessThan(3);
  });

  it('of others needs no more than qpos and action; times are then nominal', async () => {
    const path = join(folder(), 'bare.hdf5');
    await writeHdf5(path, async (root) => {
      await Promise.resolve();
      root.create_attribute('sim', 0, null, '<b');
      const group = root.create_group('observations');
      group.create_dataset({ name: 'qpos', data: new Float64Array(28).fill(0.5), shape: [2, 14] });
      root.create_dataset({ name: 'action', data: new Float32Array(28).fill(0.25), shape: [2, 14] });
    });
    const foreign = await openActHdf5(path, codecs);
    expect(foreign).toMatchObject({ steps: 2, simulated: false, cameras: [] });
    expect([...foreign.timeMs]).toEqual([0, 20]);
    expect([foreign.qpos[27], foreign.action[27], foreign.qvel[27]]).toEqual([0.5, 0.25, 0]);
    foreign.close();
  });

  it('leaves nothing behind when it is interrupted, and overwrites nothing', async () => {
    const path = join(folder(), 'episode_0.hdf5');
    const stop = (): Promise<void> => Promise.reject(new Interrupted('stopped'));
    for (const images of ['raw', 'jpeg'] as const) {
      await expect(writeActHdf5(path, exampleExport(folder()), options({ images }), stop)).rejects.toThrow(
        Interrupted,
      );
      expect(readdirSync(folder()).filter((name) => name.includes('hdf5'))).toEqual([]);
    }
    writeFileSync(path, 'mine');
    await expect(writeActHdf5(path, exampleExport(folder()), options(), atOnce)).rejects.toThrow(
      /exists already/,
    );
  });

  it('says that the disk is full, which the library itself passes over', async () => {
    const path = join(folder(), 'full.hdf5');
    symlinkSync('/dev/full', path);
    const full = writeHdf5(path, async (root) => {
      await Promise.resolve();
      root.create_dataset({ name: 'a', data: new Float32Array(1000), shape: [1000] });
    });
    await expect(full).rejects.toThrow(DiskFullError);
    await expect(full).rejects.toThrow(/the disk is full/);
  });

  it.each([
    ['no HDF5', (path: string) => writeFileSync(path, 'hello, this is text'), /is not an HDF5 file/],
    ['a missing file', () => undefined, /no such file/],
    [
      'a damaged file',
      async (path: string) => {
        await writeActHdf5(path, exampleExport(folder()), options(), atOnce);
        truncateSync(path, 3000);
      },
      /damaged HDF5 file/,
    ],
    [
      'another robot',
      (path: string) =>
        writeHdf5(path, async (root) => {
          await Promise.resolve();
          const group = root.create_group('observations');
          group.create_dataset({ name: 'qpos', data: new Float32Array(14), shape: [2, 7] });
        }),
      /observations\/qpos has shape \(2, 7\), wanted \(T, 14\)/,
    ],
    [
      'another layout',
      (path: string) =>
        writeHdf5(path, async (root) => {
          await Promise.resolve();
          root.create_dataset({ name: 'x', data: new Float32Array(2), shape: [2] });
        }),
      /is not an ALOHA episode: it has no \/observations\/qpos/,
    ],
  ])('refuses %s by name', async (_, make, message) => {
    const path = join(folder(), 'x.hdf5');
    await Promise.resolve(make(path));
    const opened = openActHdf5(path, codecs);
    await expect(opened).rejects.toThrow(EpisodeError);
    await expect(opened).rejects.toThrow(message);
  });
});
