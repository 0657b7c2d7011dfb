/**
 * Behaviour cloning of ACT: from recorded episodes to a policy that can be served.
 *
 * Everything that influences the weights follows from configuration, episodes and step number, so a run that was
 * stopped and resumed ends bit-equal to one that was not.
 */
import type { PolicyManifest } from '../contract/checkpoint.js';
import type { EpisodeData } from '../contract/episode.js';
import { EpisodeError, UsageError } from '../contract/errors.js';
import { DOF } from '../contract/robot.js';
import { splitEpisodes } from '../episodes/sampler.js';
import type { ActConfig } from '../network/actConfig.js';
import { seesEnvironmentState } from '../network/actConfig.js';
import { ActTrainer } from '../network/actTrainer.js';
import { buildPolicyModel } from '../network/policyModel.js';
import type { ImagesModule } from './batchLoader.js';
import { BatchLoader } from './batchLoader.js';
import type { BatchBlock } from './batchMemory.js';
import { BatchPlan } from './batchPlan.js';
import type { LossReport } from './lossMeter.js';
import { LossMeter } from './lossMeter.js';
import type { CurvePlot } from './runFolder.js';
import { RunFolder } from './runFolder.js';
import { environmentSize, normalisationOf, shareEpisode } from './sharedEpisodes.js';
import type { TrainingConfig } from './trainingConfig.js';
import { rateFactor } from './trainingConfig.js';
import { verifyModel } from './verifyModel.js';

export interface ImitationProgress extends LossReport {
  /** Of the last validation, normalised units; NaN before the first. */
  readonly validationL1: number;
}

export interface ImitationOptions {
  readonly config: TrainingConfig;
  readonly episodes: readonly EpisodeData[];
  /** Checkpoints, metrics and curves go here. */
  readonly runFolder: string;
  /** Goes on from the newest checkpoint in the run folder. */
  readonly resume: boolean;
  /** Threads of the optimizer. */
  readonly threads: number;
  /** Execution provider of onnxruntime; its own default (cpu) when absent. */
  readonly provider?: string;
  /** Needed when the configuration has images. */
  readonly images?: ImagesModule;
  /** Stored with every checkpoint: command, dataset, software version. */
  readonly provenance: Readonly<Record<string, unknown>>;
  readonly plot?: CurvePlot;
  readonly onProgress?: (progress: ImitationProgress) => void;
  readonly onLine?: (line: string) => void;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface ImitationResult {
  readonly step: number;
  readonly interrupted: boolean;
  readonly validationL1: number;
  /** The newest checkpoint's folder. */
  readonly checkpoint: string;
  readonly metrics: string;
  /** Absent without a plot function. */
  readonly curves?: string;
}

/** Steps between progress reports and lines of the metrics. */
const REPORT_EVERY = 20;

/** Trains until `config.steps`. Throws UsageError, EpisodeError, CheckpointError, StorageError, LoaderError. */
export async function imitate(options: ImitationOptions): Promise<ImitationResult> {
  const { config, onProgress, onLine, signal } = options;
  if (config.images.length > 0 && !options.images)
    throw new UsageError('this configuration needs a source of images');
  if (options.episodes.length === 0)
    throw new EpisodeError('there are no episodes to learn from; record some first');

  const episodes = options.episodes.map(shareEpisode);
  const lengths = episodes.map(({ steps }) => steps);
  const split = { lengths, ...splitEpisodes(episodes.length, config.validation.fraction, config.seed) };
  const environment = config.environmentState ? environmentSize(episodes) : 0;
  const actConfig = networkOf(
    config,
    split.training.map((i) => episodes[i]!),
    environment,
  );

  const run = RunFolder.open(options.runFolder, config, options.resume);
  const { learningRate, optimizer } = config;
  const { beta1, beta2, ...rest } = optimizer;
  const trainer = await ActTrainer.create({
    config: actConfig,
    batchSize: config.batchSize,
    seed: config.seed,
    groups: [
      { prefix: 'backbone.', learningRate: learningRate.backbone, weightDecay: learningRate.weightDecay },
      { prefix: '', learningRate: learningRate.base, weightDecay: learningRate.weightDecay },
    ],
    optimizer: { betas: [beta1, beta2], ...rest },
    emaDecay: config.emaDecay,
    threads: options.threads,
    ...(options.provider !== undefined && { executionProvider: options.provider }),
    ...(run.state && { state: run.state }),
  });
  const plan = new BatchPlan(config, split);
  const loader = new BatchLoader({
    config,
    episodes,
    split,
    environmentSize: environment,
    done: trainer.step,
    // A policy without cameras needs no renderers.
    ...(options.images && config.images.length > 0 && { images: options.images }),
  });
  onLine?.(
    `${split.training.length} training and ${split.validation.length} held-out episodes, ` +
      `${lengths.reduce((a, b) => a + b, 0)} steps; from step ${trainer.step} to ${config.steps}`,
  );

  const meter = new LossMeter(trainer.step, config.steps);
  let validationL1 = run.lastValidationL1;
  let validated: number[] = [];
  let golden: BatchBlock | undefined;
  let checkpointed = run.state ? trainer.step : -1;

  const checkpoint = async (): Promise<void> => {
    const weights = trainer.averagedWeights();
    const model = buildPolicyModel(actConfig, weights);
    if (golden) await verifyModel(model, actConfig, golden, await trainer.validate(golden));
    run.writeCheckpoint(trainer.step, {
      manifest: manifestOf(config, actConfig, { ...options.provenance, step: trainer.step, validationL1 }),
      model,
      weights,
      state: trainer.state(),
    });
    checkpointed = trainer.step;
    run.plotCurves(options.plot);
  };

  try {
    for (;;) {
      const beganMs = performance.now();
      const loaded = await loader.next();
      const waitedMs = performance.now() - beganMs;
      if (!loaded) break;
      const { job, batch } = loaded;
      if (job.kind === 'validation') {
        validated.push(await trainer.validate(batch));
        if (validated.length < plan.validationBatches) continue;
        validationL1 = validated.reduce((a, b) => a + b, 0) / validated.length;
        validated = [];
        run.log({ step: trainer.step, validationL1 });
        onLine?.(`step ${trainer.step}: validation L1 ${validationL1.toFixed(4)}`);
      } else {
        if (signal?.aborted) break;
        golden ??= copyBatch(batch);
        const [losses] = await trainer.train([batch], [rateFactor(config, job.index)]);
        meter.add(losses!, performance.now() - beganMs, waitedMs);
        if (trainer.step % REPORT_EVERY === 0 || trainer.step === config.steps) {
          const progress = { ...meter.take(trainer.step), validationL1 };
          run.log({
            step: trainer.step,
            ...progress.losses,
            rateFactor: rateFactor(config, job.index),
            msPerStep: progress.msPerStep,
            waitShare: progress.waitShare,
          });
          onProgress?.(progress);
        }
      }
      const due = trainer.step % config.checkpointEvery === 0 && trainer.step < config.steps;
      // Where a validation follows, the checkpoint waits for it.
      const settled = job.kind === 'validation' || !plan.isValidated(trainer.step);
      if (due && settled && checkpointed !== trainer.step) await checkpoint();
    }
    if (checkpointed !== trainer.step) await checkpoint();
  } finally {
    await loader.close();
    await trainer.close();
  }
  return {
    step: trainer.step,
    interrupted: trainer.step < config.steps,
    validationL1,
    checkpoint: run.checkpointPath(trainer.step),
    metrics: run.metricsPath,
    ...(options.plot && { curves: run.curvesPath(options.plot) }),
  };
}

/** The network of a configuration, normalised by the statistics of the training episodes. */
function networkOf(config: TrainingConfig, training: readonly EpisodeData[], environment: number): ActConfig {
  return {
    ...config.network,
    actionSize: DOF,
    stateSize: DOF,
    environmentStateSize: environment,
    cameras: config.images.map(({ width, height }) => ({ width, height })),
    normalisation: normalisationOf(training, environment > 0),
  };
}

function manifestOf(
  config: TrainingConfig,
  network: ActConfig,
  provenance: Readonly<Record<string, unknown>>,
): Omit<PolicyManifest, 'format' | 'version' | 'channelOrder' | 'modelSha256'> {
  const { normalisation } = network;
  return {
    name: config.name,
    task: config.task,
    architecture: { ...network },
    chunkSize: network.chunkSize,
    images: config.images,
    environmentStateSize: seesEnvironmentState(network) ? network.environmentStateSize : 0,
    normalisation: { qpos: normalisation.qpos, action: normalisation.action },
    provenance: { ...provenance, training: config },
  };
}

const copyBatch = (batch: BatchBlock): BatchBlock => ({
  qpos: batch.qpos.slice(),
  environmentState: batch.environmentState.slice(),
  actions: batch.actions.slice(),
  noise: batch.noise.slice(),
  isPad: batch.isPad.slice(),
  images: batch.images.map((image) => image.slice()),
});
