/** Features of the LeRobot datasets that we write: what info.json says of them, and how the data file holds them. */
import type { CameraName } from '../../contract/camera.js';
import { JOINT_NAMES } from '../../contract/robot.js';
import {
  ACTION,
  DONE,
  EFFORT,
  IMAGES,
  MEASURED_TIME,
  REWARD,
  STATE,
  SUCCESS,
  VELOCITY,
} from '../lerobotLayout.js';
import type { Columns, Scalar } from './parquetFile.js';

export interface DatasetShape {
  readonly cameras: readonly CameraName[];
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly images: 'video' | 'png';
}

interface Feature {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly names: readonly string[] | null;
  readonly info?: Readonly<Record<string, unknown>>;
}

/** Of video encoding: LeRobot jumps to single frames, so every second one is a key frame, as in its own videos. */
export const VIDEO_KEY_FRAME_EVERY = 2;
/** Constant rate factor of x264: artefacts below what a JPEG camera makes. */
export const VIDEO_RATE_FACTOR = 18;

const numeric = (dtype: string): Feature => ({ dtype, shape: [1], names: null });
const joints: Feature = { dtype: 'float32', shape: [JOINT_NAMES.length], names: JOINT_NAMES };

/** Of info.json, in the order of the data file's columns. */
export function featuresOf(shape: DatasetShape): Record<string, Feature> {
  return {
    [STATE]: joints,
    [VELOCITY]: joints,
    [EFFORT]: joints,
    [ACTION]: joints,
    ...Object.fromEntries(shape.cameras.map((camera) => [IMAGES + camera, imageFeature(shape)])),
    [REWARD]: numeric('float32'),
    [DONE]: numeric('bool'),
    [SUCCESS]: numeric('bool'),
    [MEASURED_TIME]: numeric('float64'),
    timestamp: numeric('float32'),
    frame_index: numeric('int64'),
    episode_index: numeric('int64'),
    index: numeric('int64'),
    task_index: numeric('int64'),
  };
}

function imageFeature({ width, height, framesPerSecond, images }: DatasetShape): Feature {
  const common = { shape: [height, width, 3], names: ['height', 'width', 'channels'] };
  if (images === 'png') return { dtype: 'image', ...common };
  return {
    dtype: 'video',
    ...common,
    info: {
      'video.height': height,
      'video.width': width,
      'video.codec': 'h264',
      'video.pix_fmt': 'yuv420p',
      'video.fps': framesPerSecond,
      'video.channels': 3,
      'video.g': VIDEO_KEY_FRAME_EVERY,
      'video.crf': VIDEO_RATE_FACTOR,
      has_audio: false,
      is_depth_map: false,
    },
  };
}

const SCALARS: Readonly<Record<string, Scalar>> = {
  float32: 'FLOAT',
  float64: 'DOUBLE',
  int64: 'INT64',
  bool: 'BOOLEAN',
};

/** Columns of the data file: every feature but videos. */
export function dataColumns(features: Readonly<Record<string, Feature>>): Columns {
  return Object.fromEntries(
    Object.entries(features)
      .filter(([, { dtype }]) => dtype !== 'video')
      .map(([name, { dtype, shape }]) => [
        name,
        dtype === 'image' ? 'image' : { scalar: SCALARS[dtype] ?? 'DOUBLE', depth: shape[0] === 1 ? 0 : 1 },
      ]),
  );
}

/** What the `datasets` library of Hugging Face wants to know of the data file, as its schema's metadata. */
export function huggingFaceMetadata(features: Readonly<Record<string, Feature>>): string {
  const described = Object.entries(features)
    .filter(([, { dtype }]) => dtype !== 'video')
    .map(([name, { dtype, shape }]) => {
      if (dtype === 'image') return [name, { _type: 'Image' }];
      const value = { dtype, _type: 'Value' };
      return [name, shape[0] === 1 ? value : { feature: value, length: shape[0], _type: 'List' }];
    });
  return JSON.stringify({ info: { features: Object.fromEntries(described) } });
}
