/** Checks that the policy to be served acts as the network that was trained. */
import { Tensor } from 'onnxruntime-node';
import { CheckpointError } from '../contract/errors.js';
import type { ActConfig } from '../network/actConfig.js';
import { seesEnvironmentState } from '../network/actConfig.js';
import { openSession } from '../network/session.js';
import type { BatchBlock } from './batchMemory.js';

/** Largest difference of the L1 error, in normalised units: float32 rounding through a deep network. */
const TOLERANCE = 1e-4;

/**
 * Runs the policy on the samples of `batch` and compares its L1 error with `trainedL1`, that of the training graph.
 * Throws CheckpointError when they differ.
 */
export async function verifyModel(
  model: Uint8Array,
  config: ActConfig,
  batch: BatchBlock,
  trainedL1: number,
): Promise<void> {
  const session = await openSession(model, { threads: 1 });
  try {
    const size = batch.qpos.length / config.stateSize;
    let sum = 0;
    let valid = 0;
    for (let row = 0; row < size; row++) {
      const { actions } = await session.run(feedsOf(config, batch, row, size));
      if (!(actions?.data instanceof Float32Array))
        throw new CheckpointError('the policy gives no float32 actions');
      const targets = rowOf(batch.actions, row, size);
      const isPad = rowOf(batch.isPad, row, size);
      for (const [i, predicted] of actions.data.entries()) {
        if (isPad[Math.floor(i / config.actionSize)] === 1) continue;
        sum += Math.abs(predicted - targets[i]!) / config.normalisation.action.std[i % config.actionSize]!;
        valid += 1;
      }
    }
    const counted =
      config.lossNormalisation === 'valid' ? valid : size * config.chunkSize * config.actionSize;
    const servedL1 = sum / Math.max(1, counted);
    if (!(Math.abs(servedL1 - trainedL1) <= TOLERANCE * Math.max(1, trainedL1))) {
      throw new CheckpointError(
        `the policy to be served does not act as trained: L1 ${servedL1} instead of ${trainedL1} on the golden batch; ` +
          'this is a fault of alohad, please report it',
      );
    }
  } finally {
    await session.release();
  }
}

function feedsOf(config: ActConfig, batch: BatchBlock, row: number, size: number): Record<string, Tensor> {
  const floats = (all: Float32Array) => {
    const values = rowOf(all, row, size);
    return new Tensor('float32', values, [1, values.length]);
  };
  const feeds: Record<string, Tensor> = { qpos: floats(batch.qpos) };
  if (seesEnvironmentState(config)) {
    feeds['environment_state'] = floats(batch.environmentState);
  }
  config.cameras.forEach(({ width, height }, i) => {
    feeds[`image_${i}`] = new Tensor('uint8', rowOf(batch.images[i]!, row, size), [1, height, width, 3]);
  });
  return feeds;
}

/** The part of a batch's array that belongs to sample `row` of `size`. */
function rowOf(all: Float32Array, row: number, size: number): Float32Array;
function rowOf(all: Uint8Array, row: number, size: number): Uint8Array;
function rowOf(all: Float32Array | Uint8Array, row: number, size: number): Float32Array | Uint8Array {
  const length = all.length / size;
  return all.slice(row * length, (row + 1) * length);
}
