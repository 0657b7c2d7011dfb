/** Reads ALOHA's HDF5 episodes: those of ACT, Interbotix and mobile ALOHA, raw or compressed as act-plus-plus does. */
import type { Dataset, File } from 'h5wasm/node';
import type { CameraName } from '../../contract/camera.js';
import { EpisodeError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import { swapRedAndBlue } from '../export/actHdf5Writer.js';
import type { ImageEncoder } from '../export/exportEpisode.js';
import { datasetOf, namesIn, openHdf5, textAttribute } from '../hdf5File.js';
import { parseFacts, type ChannelOrder } from '../storedFacts.js';
import { nominalTimes, type DecodedImage, type ForeignEpisode } from './foreignEpisode.js';

export interface ActHdf5ReadOptions {
  /** As in `ActHdf5Options`; what the file itself says when absent, else `rgb`. */
  readonly channelOrder?: ChannelOrder;
  readonly encodeJpeg: ImageEncoder;
  readonly decodeJpeg: (bytes: Uint8Array) => DecodedImage;
}

/** Opens the file at `path`; the caller closes the episode. Throws EpisodeError. */
export async function openActHdf5(path: string, options: ActHdf5ReadOptions): Promise<ForeignEpisode> {
  const file = await openHdf5(path);
  try {
    return episodeOf(path, file, options);
  } catch (error) {
    file.close();
    throw error;
  }
}

function episodeOf(path: string, file: File, options: ActHdf5ReadOptions): ForeignEpisode {
  const qpos = joints(path, file, 'observations/qpos');
  const action = joints(path, file, 'action');
  if (!qpos || !action) {
    throw new EpisodeError(
      `${path} is not an ALOHA episode: it has no /${qpos ? 'action' : 'observations/qpos'}`,
    );
  }
  const steps = qpos.length / DOF;
  const same = (name: string, column: Float64Array): Float64Array => {
    if (column.length === qpos.length) return column;
    throw new EpisodeError(`${path}: /${name} has ${column.length / DOF} steps, qpos has ${steps}`);
  };
  const optional = (name: string): Float64Array =>
    same(name, joints(path, file, name) ?? new Float64Array(qpos.length));
  const text = textAttribute(file, 'alohad', 'facts');
  const facts = text === undefined ? undefined : parseFacts(path, text);
  const order = options.channelOrder ?? facts?.channelOrder ?? 'rgb';
  const cameras = namesIn(file, 'observations/images');
  return {
    origin: path,
    steps,
    qpos,
    qvel: optional('observations/qvel'),
    effort: optional('observations/effort'),
    action: same('action', action),
    reward: numbers(datasetOf(file, 'alohad/reward')) ?? new Float64Array(steps),
    timeMs: numbers(datasetOf(file, 'alohad/time_ms')) ?? nominalTimes(steps),
    simulated: Number(file.attrs['sim']?.value ?? 0) !== 0,
    ...(facts && { facts }),
    cameras,
    frames: (camera) => frames(path, imagesOf(path, file, camera, steps), order, options),
    close: () => {
      file.close();
    },
  };
}

/** A (T, 14) dataset; undefined when there is none. Throws EpisodeError when its shape is another. */
function joints(path: string, file: File, name: string): Float64Array | undefined {
  const dataset = datasetOf(file, name);
  if (!dataset) return undefined;
  const [, width, ...more] = dataset.shape ?? [];
  if (width !== DOF || more.length > 0) {
    throw new EpisodeError(
      `${path}: /${name} has shape (${dataset.shape?.join(', ')}), wanted (T, ${DOF}): two arms of 6 joints and a gripper`,
    );
  }
  return numbers(dataset);
}

function numbers(dataset: Dataset | undefined): Float64Array | undefined {
  const values = dataset?.value;
  return values instanceof Float32Array || values instanceof Float64Array
    ? Float64Array.from(values)
    : undefined;
}

function imagesOf(path: string, file: File, camera: CameraName, steps: number): Dataset {
  const dataset = datasetOf(file, `observations/images/${camera}`);
  const shape = dataset?.shape ?? [];
  const known = shape.length === 2 || (shape.length === 4 && shape[3] === 3);
  if (!dataset || !known || shape[0] !== steps) {
    throw new EpisodeError(
      `${path}: images of ${camera} have shape (${shape.join(', ')}); ` +
        `wanted (${steps}, height, width, 3) or, as padded JPEG, (${steps}, bytes)`,
    );
  }
  return dataset;
}

async function* frames(
  path: string,
  dataset: Dataset,
  order: ChannelOrder,
  { encodeJpeg, decodeJpeg }: ActHdf5ReadOptions,
): AsyncGenerator<Uint8Array> {
  const [steps = 0, height = 0, width = 0, channels] = dataset.shape ?? [];
  for (let step = 0; step < steps; step++) {
    const bytes = dataset.slice([[step, step + 1]]);
    if (!(bytes instanceof Uint8Array)) throw new EpisodeError(`${path}: ${dataset.path} are not bytes`);
    if (channels !== undefined) {
      if (order === 'bgr') swapRedAndBlue(bytes);
      yield encodeJpeg(bytes, width, height);
      continue;
    }
    const jpeg = bytes.subarray(0, unpadded(bytes));
    try {
      if (order === 'bgr') {
        yield jpeg;
        continue;
      }
      const image = decodeJpeg(jpeg);
      swapRedAndBlue(image.rgb);
      yield encodeJpeg(image.rgb, image.width, image.height);
    } catch (error) {
      throw new EpisodeError(`${path}: image ${step} of ${dataset.path} is not a JPEG`, { cause: error });
    }
  }
}

/** Length without the zeros behind it: a JPEG ends with ff d9. */
function unpadded(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}
