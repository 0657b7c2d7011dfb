// A checkpoint of true size with random weights: timing does not depend on what a policy has learnt.
import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKPOINT_FILES } from '#alohad/contract/checkpoint.js';
import { CAMERAS } from '#alohad/contract/camera.js';
import { DOF } from '#alohad/contract/robot.js';
import { paperConfig } from '#alohad/network/actConfig.js';
import { initialWeights } from '#alohad/network/actParameters.js';
import { buildPolicyModel } from '#alohad/network/policyModel.js';

const statistics = { mean: Array.from({ length: DOF }, () => 0), std: Array.from({ length: DOF }, () => 1) };

/** The paper's ACT for `cameras` images of `width` x `height`; `changes` makes it smaller. Returns the folder. */
export async function writeRandomCheckpoint({ cameras = 4, width = 640, height = 480, changes = {} }) {
  const images = CAMERAS.slice(0, cameras).map((camera) => ({ camera, width, height }));
  const config = {
    ...paperConfig(images, { qpos: statistics, action: statistics }),
    cvae: false,
    ...changes,
  };
  const model = buildPolicyModel(config, initialWeights(config, 1));
  const manifest = {
    format: 'alohad-policy',
    version: 1,
    name: `random ${cameras}x${height}x${width}`,
    task: 'insertion',
    architecture: {},
    chunkSize: config.chunkSize,
    images,
    channelOrder: 'rgb',
    environmentStateSize: 0,
    normalisation: { qpos: statistics, action: statistics },
    modelSha256: createHash('sha256').update(model).digest('hex'),
    provenance: { command: 'test/bench/randomCheckpoint.js' },
  };
  const folder = await mkdtemp(join(tmpdir(), 'alohad-bench-'));
  await writeFile(join(folder, CHECKPOINT_FILES.model), model);
  await writeFile(join(folder, CHECKPOINT_FILES.manifest), JSON.stringify(manifest));
  return folder;
}
