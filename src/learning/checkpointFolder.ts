/** Writes checkpoint folders so that a kill at any moment leaves whole ones only, and finds the newest again. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CHECKPOINT_FILES } from '../contract/checkpoint.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import { CheckpointError, DiskFullError, StorageError } from '../contract/errors.js';
import { isFull } from '../contract/systemError.js';
import type { LearnerState } from '../network/learner.js';
import type { Weight } from '../network/actParameters.js';
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from '../network/safetensors.js';

export interface CheckpointContent {
  readonly manifest: Omit<PolicyManifest, 'format' | 'version' | 'channelOrder' | 'modelSha256'>;
  /** Bytes of policy.onnx. */
  readonly model: Uint8Array;
  /** The weights that `model` serves. */
  readonly weights: ReadonlyMap<string, Weight>;
  /** All that training needs to go on. */
  readonly state: LearnerState;
  /** Further files, by name. */
  readonly extra?: Readonly<Record<string, string | Uint8Array>>;
}

/** Puts a checkpoint at `folder`, replacing one of the same name. Throws StorageError, DiskFullError. */
export function writeCheckpoint(folder: string, content: CheckpointContent): void {
  const temporary = `${folder}.part`;
  try {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
    const manifest: PolicyManifest = {
      format: 'alohad-policy',
      version: 1,
      channelOrder: 'rgb',
      ...content.manifest,
      modelSha256: createHash('sha256').update(content.model).digest('hex'),
    };
    write(temporary, CHECKPOINT_FILES.model, content.model);
    write(temporary, CHECKPOINT_FILES.weights, encodeSafetensors(content.weights));
    write(temporary, CHECKPOINT_FILES.optimizer, encodeSafetensors(content.state));
    for (const [name, bytes] of Object.entries(content.extra ?? {})) write(temporary, name, bytes);
    write(temporary, CHECKPOINT_FILES.manifest, JSON.stringify(manifest, null, 2) + '\n');
    syncFolder(temporary);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    syncFolder(join(folder, '..'));
  } catch (error) {
    const Refusal = isFull(error) ? DiskFullError : StorageError;
    dropUnfinished(temporary);
    throw new Refusal(
      `cannot write checkpoint ${folder}: ${error instanceof Error ? error.message : String(error)}; ` +
        'earlier checkpoints are whole; free some space or give another --out',
      { cause: error },
    );
  }
}

/** The state stored in the checkpoint at `folder`. Throws CheckpointError. */
export function readTrainerState(folder: string): LearnerState {
  const path = join(folder, CHECKPOINT_FILES.optimizer);
  try {
    return decodeSafetensors(Uint8Array.from(readFileSync(path))).tensors;
  } catch (error) {
    if (error instanceof SafetensorsError || !existsSync(path)) {
      throw new CheckpointError(`cannot go on from ${path}: ${String(error)}; use an earlier checkpoint`, {
        cause: error,
      });
    }
    throw error;
  }
}

const NAME = /^step_(\d{8})$/;

/** Name of the checkpoint after `step` steps. */
export const checkpointName = (step: number): string => `step_${String(step).padStart(8, '0')}`;

/** Steps of the checkpoints in `folder`, ascending. Unfinished ones are not among them. */
export function checkpointSteps(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** The newest checkpoint of a training run's folder, or the folder itself. */
export function newestCheckpoint(folder: string): string {
  const checkpoints = join(folder, 'checkpoints');
  const newest = checkpointSteps(checkpoints).at(-1);
  return newest === undefined ? folder : join(checkpoints, checkpointName(newest));
}

/** A part of a checkpoint is of no use, and its space may be what is missing. */
function dropUnfinished(temporary: string): void {
  try {
    rmSync(temporary, { recursive: true, force: true });
  } catch {
    // It is removed when the checkpoint is written again.
  }
}

function write(folder: string, name: string, content: string | Uint8Array): void {
  writeFileSync(join(folder, name), content, { flush: true });
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
