/** Worlds that play a stored policy open loop, as fine-tuning does. */
import { defaultRig } from '#alohad/config/rig.js';
import { SimRolloutFarm } from '#alohad/daemon/rolloutFarm.js';
import { readStoredPolicy } from '#alohad/learning/import/storedPolicy.js';
import { ActorTrainer } from '#alohad/network/actorTrainer.js';
import { buildLivePolicyModel } from '#alohad/network/policyModel.js';
import { loadCheckpoint } from '#alohad/policy/checkpoint.js';

/** `policy`: a checkpoint folder with its weights; `folder`: where roll-outs are recorded. */
export async function openFarm(policy, workers, folder) {
  const { config, weights } = readStoredPolicy(policy);
  const { manifest } = await loadCheckpoint(policy);
  const trainer = await ActorTrainer.create({
    config,
    batchSize: 1,
    seed: 1,
    groups: [{ prefix: '', learningRate: 0, weightDecay: 0 }],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
    emaDecay: 0,
    threads: 1,
    cachedFeatures: false,
    latent: 'prior',
    state: new Map([...weights].map(([name, weight]) => [`weights/${name}`, weight])),
  });
  const { model, slots } = buildLivePolicyModel(config, trainer.learner);
  const opened = new SimRolloutFarm({
    rig: defaultRig(),
    manifest,
    model,
    slots,
    weightCount: trainer.learner.optimizer.weights.length,
    workers,
    folder,
  });
  opened.publish({ version: 0, weights: trainer.learner.optimizer.weights });
  await trainer.close();
  return opened;
}
