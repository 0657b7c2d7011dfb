/** Worlds that play a stored policy open loop, as fine-tuning does. */
import type { Rig } from '../config/rig.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import { UsageError } from '../contract/errors.js';
import { readStoredPolicy } from '../learning/import/storedPolicy.js';
import { ActTrainer } from '../network/actTrainer.js';
import { buildLivePolicyModel } from '../network/policyModel.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { SimRolloutFarm } from './rolloutFarm.js';

export interface PolicyFarm {
  readonly farm: SimRolloutFarm;
  readonly manifest: PolicyManifest;
}

/**
 * `policy`: a checkpoint folder with its weights; `folder`: where roll-outs are recorded. Throws CheckpointError,
 * UsageError.
 */
export async function openPolicyFarm(
  policy: string,
  rig: Rig,
  workers: number,
  folder: string,
  signal?: AbortSignal,
): Promise<PolicyFarm> {
  // The live network has no critics.
  const { choice: _, ...manifest } = (await loadCheckpoint(policy)).manifest;
  if (manifest.task !== rig.task)
    throw new UsageError(`${policy} is a policy for ${manifest.task}, the rig's task is ${rig.task}`);
  const { config, weights } = readStoredPolicy(policy);
  const trainer = await ActTrainer.create({
    config,
    batchSize: 1,
    seed: 0,
    groups: [{ prefix: '', learningRate: 0, weightDecay: 0 }],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
    emaDecay: 0,
    threads: 1,
    state: new Map([...weights].map(([name, weight]) => [`weights/${name}`, weight])),
  });
  const { learner } = trainer;
  const farm = new SimRolloutFarm({
    rig,
    manifest,
    ...buildLivePolicyModel(config, learner),
    weightCount: learner.optimizer.weights.length,
    workers,
    folder,
    ...(signal && { signal }),
  });
  farm.publish({ version: 0, weights: learner.optimizer.weights });
  await trainer.close();
  return { farm, manifest };
}
