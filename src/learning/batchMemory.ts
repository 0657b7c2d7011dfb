/** Room for one batch in one block of memory, so that it moves between threads as a whole. */
import { DOF } from '../contract/robot.js';
import { imageBytes } from '../contract/camera.js';
import type { ActBatch } from '../network/actTrainer.js';
import type { TrainingConfig } from './trainingConfig.js';

/** Sizes of a batch's parts. */
export interface BatchShape {
  readonly batchSize: number;
  readonly chunkSize: number;
  /** Bytes of one image of each camera. */
  readonly images: readonly number[];
  readonly environmentSize: number;
  readonly latentSize: number;
}

export function batchShape(config: TrainingConfig, environmentSize: number): BatchShape {
  const { chunkSize, latentSize, cvae } = config.network;
  return {
    batchSize: config.batchSize,
    chunkSize,
    images: config.images.map(imageBytes),
    environmentSize,
    latentSize: cvae ? latentSize : 0,
  };
}

/** A batch whose arrays are views of one block; parts that are not used have no elements. */
export type BatchBlock = Omit<Required<ActBatch>, 'images'> & { readonly images: readonly Uint8Array[] };

/** @param block of `batchBytes(shape)` bytes */
export function batchViews(shape: BatchShape, block: ArrayBufferLike): BatchBlock {
  const { batchSize, chunkSize, images, environmentSize, latentSize } = shape;
  let offset = 0;
  const floats = (count: number) => {
    const view = new Float32Array(block, offset, count);
    offset += view.byteLength;
    return view;
  };
  const bytes = (count: number) => {
    const view = new Uint8Array(block, offset, count);
    offset += count;
    return view;
  };
  return {
    qpos: floats(batchSize * DOF),
    environmentState: floats(batchSize * environmentSize),
    actions: floats(batchSize * chunkSize * DOF),
    noise: floats(batchSize * latentSize),
    isPad: bytes(batchSize * chunkSize),
    images: images.map((size) => bytes(batchSize * size)),
  };
}

export function batchBytes(shape: BatchShape): number {
  const { batchSize, chunkSize, images, environmentSize, latentSize } = shape;
  const floats = DOF + environmentSize + chunkSize * DOF + latentSize;
  const bytes = chunkSize + images.reduce((sum, size) => sum + size, 0);
  return batchSize * (floats * Float32Array.BYTES_PER_ELEMENT + bytes);
}
