/** The file of one physical arm's calibration: read with every rig that names it, written by `alohad calibrate` alone. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { ArmCalibration } from '../contract/arm.js';
import { RigError, StorageError } from '../contract/errors.js';
import { meaningOf } from '../contract/systemError.js';
import { readYaml } from './yamlFile.js';

const tick = z.int().min(0).max(4095);
/** Beyond it a servo in position mode ignores its offset; source: e-manual, Homing Offset (20). */
const offset = z.int().min(-1024).max(1024);

const schema = z.strictObject({
  arm: z.string().min(1),
  profile: z.string().min(1),
  date: z.iso.datetime(),
  adapter: z.string().min(1).optional(),
  gripper: z.strictObject({ open: z.number(), close: z.number() }),
  servos: z.array(
    z.strictObject({
      name: z.string().min(1),
      id: z.int().min(0).max(252),
      model: z.string().min(1),
      firmware: z.int().min(0).max(255),
      driveMode: z.int().min(0).max(13),
      homingOffset: offset,
      minTick: tick,
      maxTick: tick,
    }),
  ),
});

/** Throws UsageError when it cannot be read, RigError with the place of each fault. */
export function loadCalibration(path: string): ArmCalibration {
  const result = schema.safeParse(readYaml(path));
  if (!result.success)
    throw new RigError(`calibration ${path} is not valid:\n${z.prettifyError(result.error)}`);
  const { adapter, ...calibration } = result.data;
  return { ...calibration, ...(adapter !== undefined && { adapter }) };
}

/**
 * Writes a calibration whole or not at all. The one before is kept beside it, under its date; returns where.
 * Throws StorageError.
 */
export function writeCalibration(path: string, calibration: ArmCalibration): string | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const kept = existsSync(path) ? keepPrevious(path) : undefined;
    writeWhole(path, stringify(calibration));
    return kept;
  } catch (cause) {
    throw new StorageError(`the calibration cannot be written to ${path}: ${meaningOf(cause)}`, { cause });
  }
}

/** A file that is there whole, or as it was before. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.part`;
  const descriptor = openSync(partial, 'w');
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(partial, path);
}

/** `NAME.yaml` -> `NAME.2026-11-26T12-00-00Z.yaml`, by the date inside; by the present one where that cannot be read. */
function keepPrevious(path: string): string {
  let date = new Date().toISOString();
  try {
    ({ date } = loadCalibration(path));
  } catch {
    // Damaged or of another version: kept all the same.
  }
  const kept = path.replace(/(\.ya?ml)?$/, (end) => `.${date.replaceAll(':', '-')}${end}`);
  copyFileSync(path, kept);
  return kept;
}
