/** Puts the parts of a fine-tuning run together: actor, algorithm, worlds to play in, samples. */
import { join } from 'node:path';
import type { RolloutSource } from '../contract/rollout.js';
import type { ImagesModule } from '../learning/batchLoader.js';
import type { BatchBlock } from '../learning/batchMemory.js';
import { readTrainerState } from '../learning/checkpointFolder.js';
import type { Actor, Algorithm } from '../learning/finetune/actor.js';
import { ActorProbe, probeSamples } from '../learning/finetune/actorProbe.js';
import { ChunkSupply } from '../learning/finetune/chunkSupply.js';
import { DemonstrationSampler } from '../learning/finetune/demonstrations.js';
import type { DiskPatience } from '../learning/finetune/diskPatience.js';
import { Explorers } from '../learning/finetune/explorers.js';
import type { FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import { JudgedRollouts } from '../learning/finetune/judgedRollouts.js';
import { SampleLoader } from '../learning/finetune/sampleLoader.js';
import type { ActBatch } from '../network/actBatch.js';
import { seesEnvironmentState } from '../network/actConfig.js';
import { ActorTrainer } from '../network/actorTrainer.js';
import { buildFeatureModel, buildLivePolicyModel } from '../network/policyModel.js';
import { buildAlgorithm, priorSamples } from './finetuneAlgorithm.js';
import type { Demonstrations, StartPolicy } from './finetuneInputs.js';
import type { FinetuneRequest } from './finetuneRequest.js';
import type { OpenRun } from './finetuneRun.js';
import { runsByClock } from './backends.js';
import { oneRobot, SimRolloutFarm } from './rolloutFarm.js';

export interface Parts {
  readonly actor: Actor;
  readonly algorithm: Algorithm | undefined;
  readonly explorers: Explorers | undefined;
  readonly farm: RolloutSource;
  /** Plays evaluations, which are not recorded. */
  readonly judgeFarm: RolloutSource;
  readonly sampler: DemonstrationSampler;
  readonly probe: ActorProbe;
  /** Demonstrations that are not learned from. */
  readonly heldOut: readonly string[];
  readonly start: StartPolicy;
  /** Samples with images for the check of a model that is to be served. */
  readonly golden: BatchBlock;
  /** The same samples as the trainer reads them. */
  readonly goldenBatch: ActBatch;
  close(): Promise<void>;
}

export async function buildParts(
  request: FinetuneRequest,
  config: FinetuneConfig,
  run: OpenRun,
  start: StartPolicy,
  { entries, heldOut }: Demonstrations,
  patience: DiskPatience,
  signal: AbortSignal,
): Promise<Parts> {
  const { rig, threads, judging } = request;
  const byClock = runsByClock(rig.backend);
  const workers = judging || byClock ? 1 : request.workers;
  const { config: network, weights, manifest } = start;
  const cachedFeatures = config.backbone === 'frozen' && network.cameras.length > 0;
  const environmentSize =
    seesEnvironmentState(network) || network.auxiliaryWeight > 0 ? network.environmentStateSize : 0;
  const images: ImagesModule = {
    url: new URL('./trainingImages.js', import.meta.url).href,
    options: { task: rig.task },
  };
  const loaderOptions = {
    chunkSize: network.chunkSize,
    images: manifest.images,
    source: images,
    environmentSize,
    cacheMegabytes: config.cacheMegabytes,
  };
  const loader = new SampleLoader({
    ...loaderOptions,
    disk: { folder: run.folder, megabytes: config.diskCacheMegabytes },
    ...(cachedFeatures && { featureModel: buildFeatureModel(network, weights) }),
  });
  const chunks = new ChunkSupply(loader);
  const given = new Map([...weights].map(([name, weight]) => [`weights/${name}`, weight]));
  const trainerOptions = {
    config: network,
    batchSize: config.batchSize,
    seed: config.seed,
    groups: [
      {
        prefix: 'backbone.',
        learningRate: config.learningRate.backbone,
        weightDecay: config.learningRate.weightDecay,
      },
      { prefix: '', learningRate: config.learningRate.base, weightDecay: config.learningRate.weightDecay },
    ],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: config.clipNorm },
    emaDecay: config.emaDecay,
    threads,
    cachedFeatures,
    latent: config.latent,
  } as const;
  const trainer = await ActorTrainer.create({ ...trainerOptions, state: given });
  const sampler = new DemonstrationSampler(entries, config.batchSize, config.seed);
  const probe = await ActorProbe.open({
    trainer,
    batch: await chunks.load(probeSamples(heldOut.length > 0 ? heldOut : entries, config.seed)),
    heldOut: heldOut.length > 0,
    kind: config.actWith,
    std: network.normalisation.action.std,
  });
  if (run.checkpoint !== undefined) trainer.load(readTrainerState(run.checkpoint));
  const actor: Actor = {
    trainer,
    chunks,
    chunkSize: network.chunkSize,
    latentSize: network.latentSize,
    lastChunk: config.lastChunk,
    seed: config.seed,
  };
  const { model, slots } = buildLivePolicyModel(network, trainer.learner);
  const farmOptions = {
    rig,
    manifest,
    model,
    slots,
    weightCount: trainer.learner.optimizer.weights.length,
    signal,
    ...((judging || byClock) && { pace: 'realtime' as const }),
  };
  const judged = (source: RolloutSource): RolloutSource =>
    judging ? new JudgedRollouts(source, judging.judge, judging.reset, signal) : source;
  const worlds = new SimRolloutFarm({
    ...farmOptions,
    workers: Math.min(workers, config.rolloutsPerUpdate),
    folder: join(run.folder, 'episodes'),
    // What is there and not in the log was not learned from.
    replace: true,
  });
  const farm = judged(byClock ? oneRobot(worlds, true) : worlds);
  const judgeFarm = judged(
    byClock ? oneRobot(worlds, false) : new SimRolloutFarm({ ...farmOptions, workers }),
  );
  const algorithm = await buildAlgorithm(request, config, run, start, actor, farm, cachedFeatures, patience);
  if (algorithm) algorithm.addPrior(priorSamples(config, entries, network.chunkSize));
  const explorers =
    config.explorers.count > 0 && algorithm
      ? new Explorers(
          trainer,
          await ActorTrainer.create({ ...trainerOptions, state: given }),
          config.explorers,
          async (copy, explorer, step) => await algorithm.explore(copy, explorer, step),
        )
      : undefined;
  // Kept in memory: a demonstration may become unreadable while the run goes on.
  const goldenSamples = sampler.batch(0);
  const goldenBatch = await chunks.load(goldenSamples);
  const pictures = new SampleLoader(loaderOptions);
  const golden = withoutNoise(await pictures.load(goldenSamples));
  await pictures.close();
  return {
    actor,
    algorithm,
    explorers,
    farm,
    judgeFarm,
    sampler,
    probe,
    heldOut: heldOut.map(({ path }) => path),
    start,
    golden,
    goldenBatch,
    close: async () => {
      await farm.close();
      await judgeFarm.close();
      await explorers?.close();
      await algorithm?.close();
      await loader.close();
      await trainer.close();
    },
  };
}

const withoutNoise = ({ qpos, actions, isPad, environmentState, images }: ActBatch): BatchBlock => ({
  qpos,
  actions,
  isPad,
  environmentState: environmentState ?? new Float32Array(0),
  noise: new Float32Array(0),
  images: images.filter((image) => image instanceof Uint8Array),
});
