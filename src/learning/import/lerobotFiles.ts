/** Reads the JSON and safetensors files of a LeRobot folder, with errors that name the file. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CheckpointError } from '../../contract/errors.js';
import { meaningOf } from '../../contract/systemError.js';
import type { Weight } from '../../network/actParameters.js';
import { decodeSafetensors, SafetensorsError } from '../../network/safetensors.js';

/** Throws CheckpointError. */
export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(read(path).toString('utf8'));
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(`${path} is not JSON (${meaningOf(cause)}); copy it again`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new CheckpointError(
    `${path} is not what LeRobot's ACT writes:\n${z.prettifyError(parsed.error)}\n` +
      'If it is of an old version, load it with a newer LeRobot and save_pretrained it again',
  );
}

/** Throws CheckpointError. */
export function readTensors(path: string): Map<string, Weight> {
  const file = read(path);
  try {
    // Not a Buffer: its slice() would be a window into the file, of any alignment.
    return decodeSafetensors(new Uint8Array(file.buffer, file.byteOffset, file.byteLength)).tensors;
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new CheckpointError(`${path}: ${cause.message}; copy it again`, { cause });
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CheckpointError(
      `${path} cannot be read (${meaningOf(cause)}). Give the folder that LeRobot's save_pretrained wrote, with ` +
        'config.json and model.safetensors; in a training run it is checkpoints/last/pretrained_model',
      { cause },
    );
  }
}
