import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKPOINT_FILES } from '#alohad/contract/checkpoint.js';
import { DOF } from '#alohad/contract/robot.js';
import { Graph } from '#alohad/network/graph.js';
import { add, cast, reshape, scale } from '#alohad/network/operators.js';
import type { ImageRequest } from '#alohad/contract/camera.js';
import type { PolicyManifest } from '#alohad/contract/checkpoint.js';

export interface TinyPolicy {
  readonly chunkSize?: number;
  readonly images?: readonly ImageRequest[];
  readonly environmentStateSize?: number;
  /** Matrix products of 512 x 512 to multiply on the way, about 1 ms each. */
  readonly labour?: number;
}

/** Two cameras of different sizes. */
export const TINY_IMAGES: readonly ImageRequest[] = [
  { camera: 'cam_high', width: 8, height: 6 },
  { camera: 'cam_left_wrist', width: 4, height: 4, region: { x: 0, y: 0, width: 320, height: 320 } },
];

/** What row `row` of the tiny policy's chunk adds to the observed joint positions. */
export const ROW_STEP = 0.001;

/**
 * Writes a checkpoint folder whose network computes, for row i and joint j,
 *   actions[i][j] = qpos[j] + ROW_STEP i + sum_n 10^-(n+1) mean(image_n) / 255 + mean(environment_state)
 * and fails at run time when qpos[0] is 100 or more, as it looks up that index in a table of 100.
 */
export async function writeTinyPolicy(folder: string, options: TinyPolicy = {}): Promise<PolicyManifest> {
  const { chunkSize = 10, images = TINY_IMAGES, environmentStateSize = 0, labour = 0 } = options;
  const model = tinyModel(chunkSize, images, environmentStateSize, labour);
  const joints = (value: number): number[] => Array.from({ length: DOF }, () => value);
  const normalisation = { mean: joints(0), std: joints(1) };
  const manifest: PolicyManifest = {
    format: 'alohad-policy',
    version: 1,
    name: 'tiny',
    task: 'insertion',
    architecture: {},
    chunkSize,
    images,
    channelOrder: 'rgb',
    environmentStateSize,
    normalisation: { qpos: normalisation, action: normalisation },
    modelSha256: createHash('sha256').update(model).digest('hex'),
    provenance: { command: 'test/policy/tinyPolicy.ts' },
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, CHECKPOINT_FILES.model), model);
  await writeFile(join(folder, CHECKPOINT_FILES.manifest), JSON.stringify(manifest));
  return manifest;
}

function tinyModel(
  chunkSize: number,
  images: readonly ImageRequest[],
  environmentStateSize: number,
  labour: number,
): Uint8Array {
  const graph = new Graph();
  const qpos = graph.input('qpos', [1, DOF]);
  const rows = Float32Array.from({ length: chunkSize }, (_, row) => row * ROW_STEP);
  let actions = add(reshape(qpos, [1, 1, DOF]), graph.constant(rows, [1, chunkSize, 1]));
  const attributes = { keepdims: 0 };
  for (const [n, { height, width }] of images.entries()) {
    const image = cast(graph.input(`image_${n}`, [1, height, width, 3], 'uint8'), 'float32');
    const mean = graph.node('ReduceMean', [image], [], { attributes });
    actions = add(actions, scale(mean, 10 ** -(n + 1) / 255));
  }
  if (environmentStateSize > 0) {
    const state = graph.input('environment_state', [1, environmentStateSize]);
    actions = add(actions, graph.node('ReduceMean', [state], [], { attributes }));
  }
  if (labour > 0) {
    const square = graph.constant(new Float32Array(512 * 512).fill(1 / 512), [512, 512]);
    let product = add(square, graph.node('ReduceMean', [qpos], [], { attributes }));
    for (let n = 0; n < labour; n++) product = graph.node('MatMul', [product, square], [512, 512]);
    actions = add(actions, scale(graph.node('ReduceMean', [product], [], { attributes }), 0));
  }
  const first = cast(graph.node('Gather', [reshape(qpos, [DOF]), graph.integers([0])], [1]), 'int64');
  const table = graph.constant(new Float32Array(100), [100]);
  return graph.encode({ actions: add(actions, graph.node('Gather', [table, first], [1])) });
}
