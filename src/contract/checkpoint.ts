/**
 * `policy.json`: everything needed to serve a policy besides its weights. Training writes it, serving reads it;
 * neither imports the other.
 */
import type { ImageRequest } from './camera.js';
import type { Arm } from './robot.js';
import type { TaskName } from './task.js';

export const CHECKPOINT_FILES = {
  manifest: 'policy.json',
  model: 'policy.onnx',
  weights: 'weights.safetensors',
  optimizer: 'optimizer.safetensors',
} as const;

/** Mean and standard deviation per entry; normalised = (x - mean) / std. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The ONNX model's inputs and outputs, all batch 1 when served:
 * - `qpos` float32 (1, 14), raw rad and normalised grippers: normalisation is inside the graph;
 * - `environment_state` float32 (1, n), only for state-based policies;
 * - `image_0`, `image_1`, ... uint8 (1, height, width, 3) RGB, one per entry of `images`, in that order;
 * - output `actions` float32 (1, chunkSize, 14), de-normalised;
 * - output `scores` float32 (1, N), only with `choice`: of each of its offsets.
 */
export interface PolicyManifest {
  readonly format: 'alohad-policy';
  readonly version: 1;
  readonly name: string;
  readonly task: TaskName;
  /** Hyper-parameters of the network, as given to the builder. */
  readonly architecture: Readonly<Record<string, unknown>>;
  readonly chunkSize: number;
  /** Empty for a state-based policy. */
  readonly images: readonly ImageRequest[];
  readonly channelOrder: 'rgb';
  /** Length of environment_state; 0 when unused. */
  readonly environmentStateSize: number;
  readonly normalisation: { readonly qpos: Normalisation; readonly action: Normalisation };
  /** sha256 of policy.onnx, hex; a mismatch refuses to load. */
  readonly modelSha256: string;
  /** How it was made: command, seeds, dataset, steps, losses. */
  readonly provenance: Readonly<Record<string, unknown>>;
  /** Name of the checkpoint it was trained on from, if any. */
  readonly parent?: string;
  readonly residual?: ChunkResidual;
  readonly choice?: ChunkChoice;
}

/** A constant correction of chunks, learned after the network and applied to what it predicts: `alohad residual`. */
export interface ChunkResidual {
  /** Chunks that begin at this control step or later are corrected. */
  readonly fromStep: number;
  /** Whose gripper's path is moved, its orientation kept. */
  readonly arm: Arm;
  /** In the world [m]. */
  readonly offsetM: readonly [number, number, number];
}

/** Best of N: chunks are moved by the offset that the network scores highest: `alohad best-of`. */
export interface ChunkChoice {
  /** Chunks that begin at this control step or later are moved. */
  readonly fromStep: number;
  /** Whose gripper's path is moved, its orientation kept. */
  readonly arm: Arm;
  /** The N offsets in the world [m]; the first is none. */
  readonly offsetsM: readonly (readonly [number, number, number])[];
  /** By how much a score must exceed that of the first. */
  readonly margin: number;
}
