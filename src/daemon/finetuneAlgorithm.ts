/** Makes the algorithm that a run asks for, with the chunks of demonstrations and past runs in its replay. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RolloutSource } from '../contract/rollout.js';
import { RandomStream } from '../episodes/randomStream.js';
import type { Actor, Algorithm } from '../learning/finetune/actor.js';
import { ChunkCriticLearning } from '../learning/finetune/chunkCritic.js';
import type { DiskPatience } from '../learning/finetune/diskPatience.js';
import { farmChunks, SOLVED } from '../learning/finetune/farming.js';
import type { FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import type { JudgedChunk } from '../learning/finetune/replay.js';
import { RolloutLog } from '../learning/finetune/rolloutLog.js';
import { SelfImitation } from '../learning/finetune/selfImitation.js';
import { SurrogateLearning } from '../learning/finetune/surrogate.js';
import type { CriticConfig } from '../network/critic.js';
import { CriticTrainer } from '../network/criticTrainer.js';
import type { Demonstrations, StartPolicy } from './finetuneInputs.js';
import type { FinetuneRequest } from './finetuneRequest.js';
import { ALGORITHM_FILE, type OpenRun, readTensors } from './finetuneRun.js';
import { readBranches, SimBrancher } from './simBrancher.js';

const BRANCH_LOG = 'branches.jsonl';

export async function buildAlgorithm(
  { threads, rig }: FinetuneRequest,
  config: FinetuneConfig,
  run: OpenRun,
  { config: network }: StartPolicy,
  actor: Actor,
  source: RolloutSource,
  cachedFeatures: boolean,
  patience: DiskPatience,
): Promise<Algorithm | undefined> {
  const { batchSize } = config;
  switch (config.algorithm) {
    case 'none':
      return undefined;
    case 'surrogate': {
      const { capacity, hinge } = config.surrogate;
      return new SurrogateLearning(actor, { batchSize, capacity, ...(hinge !== undefined && { hinge }) });
    }
    case 'self-imitation': {
      const { branches, offsetM, ...options } = config.selfImitation;
      const brancher =
        branches > 0
          ? new SimBrancher({
              source,
              task: rig.task,
              seed: config.seed,
              branches,
              chunkSize: network.chunkSize,
              offsetM,
              log: join(run.folder, BRANCH_LOG),
              patience,
            })
          : undefined;
      return new SelfImitation(actor, { ...options, batchSize }, brancher);
    }
    case 'chunk-critic': {
      const {
        batchSize: criticBatchSize,
        learningRate,
        eyes,
        channels,
        hidden,
        heads,
        actions,
        maxActorLag,
        ...rest
      } = config.critic;
      const criticConfig: CriticConfig = {
        actor: network,
        eyes: cachedFeatures ? eyes : 'own',
        channels,
        hidden,
        heads,
        actions,
      };
      const state =
        run.checkpoint === undefined ? undefined : readTensors(join(run.checkpoint, ALGORITHM_FILE));
      const critic = await CriticTrainer.create({
        config: criticConfig,
        batchSize: criticBatchSize,
        seed: config.seed,
        groups: [
          { prefix: 'critic.backbone.', learningRate: learningRate / 10, weightDecay: 1e-4 },
          { prefix: '', learningRate, weightDecay: 1e-4 },
        ],
        optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 10 },
        threads,
        ...(state && { state }),
      });
      const learning = new ChunkCriticLearning(actor, critic, criticConfig, {
        ...rest,
        batchSize,
        criticBatchSize,
        ...(maxActorLag !== undefined && { maxActorLag }),
      });
      if (state) learning.load(state);
      return learning;
    }
    default:
      return config.algorithm satisfies never;
  }
}

/** Demonstrations and past runs, farmed like roll-outs. */
export function priorSamples(
  { prior, critic, seed, lastChunk }: FinetuneConfig,
  demonstrations: Demonstrations['entries'],
  chunkSize: number,
): JudgedChunk[] {
  const farm = (
    path: string,
    reward: ArrayLike<number>,
    episodeSeed: number,
    fromDemo: boolean,
  ): JudgedChunk[] =>
    farmChunks(
      reward,
      { chunkSize, last: lastChunk },
      critic.farmed,
      RandomStream.of(seed, 'farm prior', path),
    ).map(({ start, label }) => ({
      path,
      step: start,
      label,
      rollout: -1,
      seed: episodeSeed,
      actorVersion: 0,
      fromDemo,
    }));
  const samples: JudgedChunk[] = [];
  if (prior.demonstrations)
    for (const { path, reward, seed: episodeSeed } of demonstrations)
      samples.push(...farm(path, reward, episodeSeed, true));
  for (const folder of prior.folders) {
    const log = new RolloutLog(folder);
    for (const { path, reward, seed: episodeSeed } of log.entries)
      if (existsSync(path)) samples.push(...farm(path, reward, episodeSeed, false));
    for (const { index, path } of readBranches(join(folder, BRANCH_LOG)))
      if (path !== undefined && existsSync(path))
        samples.push({
          path,
          step: 0,
          label: SOLVED,
          rollout: -1,
          seed: log.entries[index]!.seed,
          actorVersion: 0,
          fromDemo: false,
          correction: true,
        });
  }
  return samples;
}
