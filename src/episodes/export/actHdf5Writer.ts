/**
 * Writes an episode as ALOHA's HDF5 file, as ACT's and act-plus-plus's own recorders do.
 *
 * Layout, with T steps (tonyzhaozh/act record_sim_episodes.py, act-plus-plus compress_data.py): attribute `sim`;
 * `/observations/qpos`, `qvel`, `effort` and `/action`, (T, 14) float32; `/observations/images/CAMERA` uint8, either
 * (T, height, width, 3) or, compressed, (T, longest JPEG) padded with zeros beside `/compress_len` (cameras, T) and
 * attribute `compress`. What the layout has no place for - measured times, rewards, facts - is kept in `/alohad`,
 * where other readers do not look.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { File, Group } from 'h5wasm/node';
import { StorageError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import { storing } from '../../contract/systemError.js';
import { requireFreeSpace } from '../freeSpace.js';
import { writeHdf5 } from '../hdf5File.js';
import { factsText, type ChannelOrder } from '../storedFacts.js';
import type { AfterStep, ExportEpisode, ImageEncoder } from './exportEpisode.js';
import { JpegSpill } from './jpegSpill.js';

export interface ActHdf5Options {
  readonly images: 'raw' | 'jpeg';
  /**
   * Colours of the arrays that ALOHA code gets. cv2.imdecode gives blue first, so with `rgb`, act-plus-plus's order,
   * the JPEGs have red and blue swapped; with `bgr`, which openpi expects, they are ordinary.
   */
  readonly channelOrder: ChannelOrder;
  readonly encodeJpeg: ImageEncoder;
}

/** Room beside the images for joints and HDF5's own tables [bytes]. */
const OVERHEAD_BYTES = 5e6;

/** Writes `path`, which appears only when it is whole. Throws StorageError, and what `afterStep` throws. */
export async function writeActHdf5(
  path: string,
  episode: ExportEpisode,
  options: ActHdf5Options,
  afterStep: AfterStep,
): Promise<void> {
  if (existsSync(path)) throw new StorageError(`${path} exists already; choose another folder`);
  const part = `${path}.part`;
  const { cameras } = episode.images;
  const spill = options.images === 'jpeg' ? new JpegSpill(`${path}.jpegs.part`) : undefined;
  try {
    if (spill) await fillSpill(spill, episode, options, afterStep);
    requireFreeSpace(dirname(path), imageBytesOf(episode, spill) + OVERHEAD_BYTES);
    await writeHdf5(part, async (root, check) => {
      writeColumns(root, episode, options);
      const images = root.create_group('observations/images');
      if (spill) writePadded(root, images, episode, spill, check);
      else await writeRaw(images, episode, options, check, afterStep);
      check();
    });
    storing(path, () => renameSync(part, path));
  } finally {
    spill?.close();
    rmSync(part, { force: true });
  }

  function imageBytesOf({ data, images }: ExportEpisode, jpegs: JpegSpill | undefined): number {
    const frame = jpegs ? Math.max(0, ...jpegs.lengths) : images.width * images.height * 3;
    return data.steps * cameras.length * frame;
  }
}

function writeColumns(root: File, { data }: ExportEpisode, { images, channelOrder }: ActHdf5Options): void {
  const { steps } = data;
  root.create_attribute('sim', data.info.backend === 'sim' ? 1 : 0, null, '<b');
  if (images === 'jpeg') root.create_attribute('compress', 1, null, '<b');
  const observations = root.create_group('observations');
  const rows = (group: Group, name: string, values: Float64Array): unknown =>
    group.create_dataset({ name, data: Float32Array.from(values), shape: [steps, DOF] });
  rows(observations, 'qpos', data.qpos);
  rows(observations, 'qvel', data.qvel);
  rows(observations, 'effort', data.effort);
  rows(root, 'action', data.action);
  const own = root.create_group('alohad');
  own.create_attribute('facts', factsText(data, channelOrder));
  own.create_dataset({ name: 'reward', data: data.reward, shape: [steps] });
  own.create_dataset({ name: 'time_ms', data: data.timeMs, shape: [steps] });
}

/** One chunk per image, as the published files have. */
async function writeRaw(
  group: Group,
  { data, images }: ExportEpisode,
  { channelOrder }: ActHdf5Options,
  check: () => void,
  afterStep: AfterStep,
): Promise<void> {
  const { width, height } = images;
  const frame = new Uint8Array(width * height * 3);
  const shape = [data.steps, height, width, 3];
  const datasets = images.cameras.map((camera) => {
    const chunk = [1, height, width, 3];
    const args = { data: frame, dtype: '<B', shape: chunk, maxshape: shape, chunks: chunk };
    const dataset = group.create_dataset({ name: camera, ...args });
    dataset.resize(shape);
    return { camera, dataset };
  });
  for (let step = 0; step < data.steps; step++) {
    for (const { camera, dataset } of datasets) {
      frame.set(images.rgb(camera, step));
      if (channelOrder === 'bgr') swapRedAndBlue(frame);
      dataset.write_slice([[step, step + 1]], frame);
    }
    check();
    await afterStep();
  }
}

async function fillSpill(
  spill: JpegSpill,
  { data, images }: ExportEpisode,
  { channelOrder, encodeJpeg }: ActHdf5Options,
  afterStep: AfterStep,
): Promise<void> {
  const { width, height } = images;
  const swapped = new Uint8Array(width * height * 3);
  for (let step = 0; step < data.steps; step++) {
    for (const camera of images.cameras) {
      if (channelOrder === 'bgr') {
        spill.add(images.jpeg(camera, step) ?? encodeJpeg(images.rgb(camera, step), width, height));
        continue;
      }
      swapped.set(images.rgb(camera, step));
      swapRedAndBlue(swapped);
      spill.add(encodeJpeg(swapped, width, height));
    }
    await afterStep();
  }
}

function writePadded(
  root: File,
  group: Group,
  { data, images }: ExportEpisode,
  spill: JpegSpill,
  check: () => void,
): void {
  const { steps } = data;
  const count = images.cameras.length;
  const longest = Math.max(1, ...spill.lengths);
  const padded = new Uint8Array(longest);
  images.cameras.forEach((camera, k) => {
    const chunk = [1, longest];
    const shape = [steps, longest];
    const args = { data: padded, dtype: '<B', shape: chunk, maxshape: shape, chunks: chunk };
    const dataset = group.create_dataset({ name: camera, ...args });
    dataset.resize(shape);
    for (let step = 0; step < steps; step++) {
      padded.fill(0);
      spill.read(step * count + k, padded);
      dataset.write_slice([[step, step + 1]], padded);
      check();
    }
  });
  const lengths = Float32Array.from({ length: count * steps }, (_, i) =>
    spill.lengthOf((i % steps) * count + Math.floor(i / steps)),
  );
  root.create_dataset({ name: 'compress_len', data: lengths, shape: [count, steps] });
}

/** In place: RGB becomes BGR and back. */
export function swapRedAndBlue(pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i]!;
    pixels[i] = pixels[i + 2]!;
    pixels[i + 2] = red;
  }
}
