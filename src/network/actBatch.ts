/** What one training step reads, as data and as inputs of the graph. */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import type { ActInputs, ActTargets } from './act.js';
import type { ActConfig } from './actConfig.js';
import { featureShape } from './backbone.js';
import { formatShape, sizeOf } from './graph.js';
import type { Graph, Shape } from './graph.js';
import { TrainingError } from './trainingError.js';

/** B samples. Arrays are only read during the call they are passed to. */
export interface ActBatch {
  /** Shape (B, stateSize), raw units. */
  readonly qpos: Float32Array;
  /** Per camera, shape (B, height, width, 3) RGB; with cached features (B, channels, height, width) float32. */
  readonly images: readonly (Uint8Array | Float32Array)[];
  /** Shape (B, environmentStateSize), raw units; needed when the configuration has one. */
  readonly environmentState?: Float32Array;
  /** Shape (B, k, actionSize), raw units. */
  readonly actions: Float32Array;
  /** Shape (B, k): 1 where the action is padding. */
  readonly isPad: Uint8Array;
  /** Shape (B, latentSize), standard normal; needed with cvae. */
  readonly noise?: Float32Array;
}

/** Shape of the images of a batch of `size`, per camera. */
export function imageShapes(config: ActConfig, size: number, cachedFeatures: boolean): Shape[] {
  return config.cameras.map((camera) =>
    cachedFeatures ? [size, ...featureShape(config, camera)] : [size, camera.height, camera.width, 3],
  );
}

/** Graph inputs for a batch of `size`. A graph with several batches tells their inputs apart by `prefix`. */
export function batchInputs(
  graph: Graph,
  config: ActConfig,
  size: number,
  cachedFeatures: boolean,
  prefix = '',
): { inputs: ActInputs; targets: ActTargets } {
  const environment = config.environmentStateSize;
  return {
    inputs: {
      qpos: graph.input(`${prefix}qpos`, [size, config.stateSize]),
      images: imageShapes(config, size, cachedFeatures).map((shape, i) =>
        graph.input(`${prefix}image_${i}`, shape, cachedFeatures ? 'float32' : 'uint8'),
      ),
      ...(environment > 0 && {
        environmentState: graph.input(`${prefix}environment_state`, [size, environment]),
      }),
    },
    targets: {
      actions: graph.input(`${prefix}target_actions`, [size, config.chunkSize, config.actionSize]),
      isPad: graph.input(`${prefix}is_pad`, [size, config.chunkSize], 'uint8'),
      noise: graph.input(`${prefix}noise`, [size, config.latentSize]),
    },
  };
}

/** The data for those inputs, not copied. Throws TrainingError when an array has another size. */
export function batchFeeds(
  batch: ActBatch,
  config: ActConfig,
  size: number,
  cachedFeatures: boolean,
  prefix = '',
): Record<string, OrtTensor> {
  const feeds: Record<string, OrtTensor> = {};
  const feed = (name: string, data: Float32Array | Uint8Array | undefined, shape: Shape) => {
    if (data?.length !== sizeOf(shape))
      throw new TrainingError(
        `batch.${name} has ${data?.length ?? 'no'} elements, shape ${formatShape(shape)} is needed`,
      );
    feeds[prefix + name] =
      data instanceof Float32Array
        ? new OrtTensor('float32', data, shape)
        : new OrtTensor('uint8', data, shape);
  };
  feed('qpos', batch.qpos, [size, config.stateSize]);
  imageShapes(config, size, cachedFeatures).forEach((shape, i) => feed(`image_${i}`, batch.images[i], shape));
  if (config.environmentStateSize > 0)
    feed('environment_state', batch.environmentState, [size, config.environmentStateSize]);
  feed('target_actions', batch.actions, [size, config.chunkSize, config.actionSize]);
  feed('is_pad', batch.isPad, [size, config.chunkSize]);
  if (config.cvae) feed('noise', batch.noise, [size, config.latentSize]);
  return feeds;
}
