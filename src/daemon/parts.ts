/** Names the concrete parts: which class is a robot, a source, an expert. Everything else asks for them here. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageVersion } from '../config/packageVersion.js';
import type { Rig } from '../config/rig.js';
import { CheckpointError } from '../contract/errors.js';
import type { TaskName } from '../contract/task.js';
import type { ActionSource } from '../contract/policy.js';
import { insertionExpert } from '../simulation/experts/insertion.js';
import type { ExpertNoise } from '../simulation/experts/scriptedExpert.js';
import { transferCubeExpert } from '../simulation/experts/transferCube.js';
import { newestCheckpoint } from '../learning/checkpointFolder.js';
import type { WorldOptions } from '../simulation/world.js';

const PRETRAINED = fileURLToPath(new URL('../../src/policy/pretrained/', import.meta.url));

/** Names of the shipped policies, `TASK` from images and `TASK-state` from object poses. */
export const shippedPolicies = (task: TaskName): readonly string[] => [
  'shipped',
  `${task}-images`,
  `${task}-state`,
];

/** The checkpoint folder that `name` means: `shipped`, a shipped policy's name, or a path: of one or of a training run. */
export function checkpointFolder(name: string, task: TaskName): string {
  const shipped = name === 'shipped' ? `${task}-images` : name;
  if (shippedPolicies(task).includes(shipped)) {
    const folder = `${PRETRAINED}${shipped}`;
    if (!isFolder(folder)) {
      throw new CheckpointError(
        `no policy for task ${task} is shipped (${folder}). Train one with 'alohad train', ` +
          `or use --policy script or --policy FOLDER`,
      );
    }
    return folder;
  }
  return newestCheckpoint(resolve(name));
}

/** The simulated world that a rig describes. */
export function worldOptions(rig: Rig): WorldOptions {
  const { scene } = rig.simulation;
  return scene === undefined ? { task: rig.task } : { task: rig.task, scene: resolve(scene) };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** This package's version, stored with everything it makes. */
export const version = packageVersion();

const EXPERTS: Readonly<Record<TaskName, (noise: ExpertNoise) => ActionSource>> = {
  insertion: insertionExpert,
  transfer_cube: transferCubeExpert,
};

/** The scripted expert of a task. */
export const createExpert = (task: TaskName, noise: ExpertNoise): ActionSource => EXPERTS[task](noise);
