/** What the `policy` verbs do: inspect, export and import checkpoint folders. */
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CAMERAS, imageBytes } from '../contract/camera.js';
import { CHECKPOINT_FILES, type PolicyManifest } from '../contract/checkpoint.js';
import { CheckpointError, StorageError, UsageError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';
import type { TaskName } from '../contract/task.js';
import { newestCheckpoint, writeCheckpoint } from '../learning/checkpointFolder.js';
import { importActCheckpoint } from '../learning/import/actCheckpoint.js';
import { checkpointOf } from '../learning/import/importedPolicy.js';
import { exportLerobot } from '../learning/import/lerobotExport.js';
import { readStoredPolicy } from '../learning/import/storedPolicy.js';
import { importLerobotCheckpoint } from '../learning/import/lerobotCheckpoint.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { checkpointFolder } from './parts.js';

/** Verifies a checkpoint and says what it is, as rows of a table. Throws CheckpointError. */
export async function inspectPolicy(
  name: string,
  task: TaskName,
): Promise<{ summary: string[][]; manifest: PolicyManifest }> {
  const { folder, manifest, modelPath } = await loadCheckpoint(checkpointFolder(name, task));
  const { images, provenance } = manifest;
  const cameras = images.map(({ camera, width, height, region }) => {
    const part = region ? ` of ${region.width}x${region.height} at (${region.x}, ${region.y})` : '';
    return `${camera} ${width}x${height}${part}`;
  });
  const summary = [
    ['policy', manifest.name],
    ['task', manifest.task],
    ['folder', folder],
    [
      'model',
      `${(statSync(modelPath).size / 1e6).toFixed(1)} MB, sha256 ${manifest.modelSha256.slice(0, 16)} verified`,
    ],
    ['chunk', `${manifest.chunkSize} steps`],
    ...(cameras.length > 0 ? cameras : ['none']).map((line, i) => [i === 0 ? 'cameras' : '', line]),
    ['pixels', `${images.reduce((sum, image) => sum + imageBytes(image), 0) / 3}`],
    [
      'object poses',
      manifest.environmentStateSize > 0 ? `${manifest.environmentStateSize} numbers` : 'not read',
    ],
    ...Object.entries(provenance)
      .filter(([, value]) => typeof value !== 'object')
      .map(([key, value]) => [key, String(value)]),
  ];
  return { summary, manifest };
}

/**
 * Copies what serving needs, or writes a LeRobot ACT folder. Returns what to tell the user.
 * Throws CheckpointError, StorageError.
 */
export async function exportPolicy(
  folder: string,
  out: string,
  format: 'alohad' | 'lerobot',
): Promise<string> {
  const source = newestCheckpoint(resolve(folder));
  const { manifest } = await loadCheckpoint(source);
  if (existsSync(join(out, CHECKPOINT_FILES.manifest))) {
    throw new StorageError(`${out} holds a policy already; remove it or give another --out`);
  }
  if (format === 'lerobot') {
    exportLerobot(readStoredPolicy(source), out);
    return `${manifest.name} from ${source} is in ${out}, as a LeRobot ACT policy`;
  }
  storing(out, () => {
    mkdirSync(out, { recursive: true });
    for (const file of [CHECKPOINT_FILES.model, CHECKPOINT_FILES.manifest])
      cpSync(join(source, file), join(out, file));
  });
  return `${manifest.name} from ${source} is in ${out}`;
}

export interface ImportRequest {
  readonly format?: 'act' | 'lerobot';
  readonly stats?: string;
  readonly out: string;
  readonly task: TaskName;
  readonly cameras?: string;
  readonly size: { readonly width: number; readonly height: number };
}

/** Imports other people's checkpoints. Throws CheckpointError, UsageError, StorageError. */
export async function importPolicy(path: string, request: ImportRequest): Promise<string> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new CheckpointError(`there is no checkpoint ${path}`);
  if (existsSync(request.out)) throw new StorageError(`${request.out} exists already; give another --out`);
  const format = request.format ?? (found.isDirectory() ? 'lerobot' : 'act');
  const cameras = request.cameras?.split(',');
  if (format === 'act' && !cameras) {
    throw new UsageError(
      `an act checkpoint does not name its cameras: give --cameras, such as ${CAMERAS.join(',')}`,
    );
  }
  const policy =
    format === 'lerobot'
      ? importLerobotCheckpoint(path, cameras ? { cameras } : {})
      : importActCheckpoint(
          { checkpoint: path, statistics: request.stats ?? join(dirname(path), 'dataset_stats.pkl') },
          { cameras: cameras ?? [], imageSize: request.size },
        );
  writeCheckpoint(request.out, checkpointOf(policy, basename(resolve(request.out)), request.task));
  const { manifest } = await loadCheckpoint(request.out);
  return `${path} (${format}) is now ${request.out}: ${manifest.images.length} cameras, chunk ${manifest.chunkSize}`;
}
