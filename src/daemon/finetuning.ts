/** Fine-tuning as the `finetune` verb runs it: start policy, demonstrations and worlds in; a better policy out. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Rig } from '../config/rig.js';
import { readYaml } from '../config/yamlFile.js';
import { CHECKPOINT_FILES, type PolicyManifest } from '../contract/checkpoint.js';
import { CheckpointError, EpisodeError, StorageError, UsageError } from '../contract/errors.js';
import type { Rollout } from '../contract/rollout.js';
import { storing } from '../contract/systemError.js';
import { MAX_REWARD, type StartPose } from '../contract/task.js';
import { EpisodeStore } from '../episodes/episodeStore.js';
import { RandomStream } from '../episodes/randomStream.js';
import type { ImagesModule } from '../learning/batchLoader.js';
import type { BatchBlock } from '../learning/batchMemory.js';
import {
  checkpointName,
  checkpointSteps,
  readTrainerState,
  writeCheckpoint,
  type CheckpointContent,
} from '../learning/checkpointFolder.js';
import type { Actor, Algorithm, LearningReport } from '../learning/finetune/actor.js';
import { ChunkCriticLearning } from '../learning/finetune/chunkCritic.js';
import { DemonstrationSampler } from '../learning/finetune/demonstrations.js';
import { CollapseWatch, deploy, judgeCandidate, type Outcomes } from '../learning/finetune/deployment.js';
import { Explorers } from '../learning/finetune/explorers.js';
import { farmChunks } from '../learning/finetune/farming.js';
import { Finetuning, FIRST, type RunHooks, type RunState } from '../learning/finetune/finetune.js';
import { parseFinetuneConfig, type FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import type { JudgedChunk } from '../learning/finetune/replay.js';
import { RolloutLog, type LoggedRollout } from '../learning/finetune/rolloutLog.js';
import { SampleLoader } from '../learning/finetune/sampleLoader.js';
import { SelfImitation } from '../learning/finetune/selfImitation.js';
import { SurrogateLearning } from '../learning/finetune/surrogate.js';
import { readStoredPolicy, type StoredPolicy } from '../learning/import/storedPolicy.js';
import { wilson } from '../learning/statistics.js';
import { verifyModel } from '../learning/verifyModel.js';
import { seesEnvironmentState } from '../network/actConfig.js';
import type { ActBatch } from '../network/actBatch.js';
import { ActorTrainer } from '../network/actorTrainer.js';
import type { Weight } from '../network/actParameters.js';
import type { CriticConfig } from '../network/critic.js';
import { CriticTrainer } from '../network/criticTrainer.js';
import { decodeSafetensors, encodeSafetensors } from '../network/safetensors.js';
import { buildFeatureModel, buildLivePolicyModel, buildPolicyModel } from '../network/policyModel.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { FIRST_TRAINING_SEED, readPool, sampleStartPose } from '../simulation/startPoses.js';
import { version } from './parts.js';
import { SimRolloutFarm } from './rolloutFarm.js';
import type { RunListener } from './runListener.js';
import { SimBrancher } from './simBrancher.js';

export interface FinetuneRequest {
  readonly rig: Rig;
  /** Checkpoint folder with its weights, as `alohad train` writes it. */
  readonly policy: string;
  /** Folder of demonstrations. */
  readonly demonstrations: string;
  /** The first so many demonstrations only. */
  readonly count?: number;
  /** YAML file; defaults when absent. */
  readonly config?: string;
  /** Settings that take the place of the file's. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly resume?: true;
  readonly workers: number;
  readonly threads: number;
  /** Stops before the roll-out that would begin later than this [s]. */
  readonly budgetS?: number;
  /** Stops when an evaluation reaches this share of success. */
  readonly target?: number;
}

export interface FinetuneReport {
  readonly algorithm: string;
  readonly seed: number;
  readonly rollouts: number;
  readonly interrupted: boolean;
  readonly evaluations: readonly StoredEvaluation[];
  readonly deployed: string;
  readonly out: string;
}

/** Seeds of training start poses of run seed s: s * 100,000 further on, so that runs do not share poses. */
const SEEDS_PER_RUN = 100_000;

const evaluationSchema = z.strictObject({
  rollouts: z.int(),
  pool: z.string(),
  successes: z.int(),
  episodes: z.int(),
  wilson95: z.tuple([z.number(), z.number()]),
  maxReward: z.array(z.number()),
  finalReward: z.array(z.number()),
  promoted: z.boolean(),
  reason: z.string(),
});
type StoredEvaluation = z.infer<typeof evaluationSchema>;

const runSchema = z.strictObject({
  rollouts: z.int(),
  imitationSteps: z.int(),
  stabiliser: z.strictObject({
    imitation: z.number(),
    gamma: z.number(),
    actorSteps: z.number(),
    success: z.number(),
    best: z.number(),
    fallen: z.number(),
  }),
});

const RUN_FILE = 'run.json';
const ALGORITHM_FILE = 'algorithm.safetensors';
const LOOP_FILE = 'loop.safetensors';
/**
 * Longest median answer of a deployed policy on one core [ms]: five control periods, by which its chunks are entered
 * late. Beside a run that uses all cores an idle machine's time is several times shorter.
 */
const LATENCY_LIMIT_MS = 100;
const LATENCY_RUNS = 30;

/** Throws UsageError, CheckpointError, EpisodeError, StorageError. */
export async function finetune(
  request: FinetuneRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<FinetuneReport> {
  const config = readConfig(request);
  const run = openRun(request, config);
  const start = readStart(request, config);
  const demonstrations = listDemonstrations(request, listener);
  requireSameRobot(start, demonstrations, request);
  const parts = await buildParts(request, config, run, start, demonstrations, signal);
  const session = new FinetuneSession(request, config, run, parts, listener);
  try {
    const loop = new Finetuning(
      {
        config,
        actor: parts.actor,
        ...(parts.algorithm && { algorithm: parts.algorithm }),
        source: parts.farm,
        demonstrations: parts.sampler,
        ...(parts.explorers && { explorers: parts.explorers }),
        hooks: session,
        signal,
      },
      run.state,
      run.checkpoint === undefined ? new Map() : readTensors(join(run.checkpoint, LOOP_FILE)),
    );
    const state = await loop.run();
    session.finish(loop.time);
    return {
      algorithm: config.algorithm,
      seed: config.seed,
      rollouts: state.rollouts,
      interrupted: signal.aborted,
      evaluations: session.evaluations,
      deployed: join(run.folder, 'deployed'),
      out: run.folder,
    };
  } finally {
    await parts.close();
  }
}

function readConfig({ config: path, overrides }: FinetuneRequest): FinetuneConfig {
  const written = path === undefined ? {} : asRecord(readYaml(path));
  return parseFinetuneConfig(merge(written, overrides), path);
}

function merge(base: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): object {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over))
    merged[key] = isRecord(value) ? merge(asRecord(base[key]), value) : value;
  return merged;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asRecord = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});

interface OpenRun {
  readonly folder: string;
  readonly log: RolloutLog;
  readonly state: RunState;
  /** Newest checkpoint; absent for a new run. */
  readonly checkpoint?: string;
}

function openRun({ out, resume }: FinetuneRequest, config: FinetuneConfig): OpenRun {
  const configPath = join(out, 'config.json');
  const checkpoints = join(out, 'checkpoints');
  const exists = existsSync(configPath);
  if (resume) {
    if (!exists) throw new CheckpointError(`${out} holds no run to resume; start without --resume`);
    const before: unknown = JSON.parse(readFileSync(configPath, 'utf8'));
    const free = ['rollouts', 'checkpointEvery', 'cacheMegabytes'];
    const changed = Object.keys(config).filter(
      (key) =>
        !free.includes(key) &&
        !isDeepStrictEqual(asRecord(before)[key], asRecord(JSON.parse(JSON.stringify(config)))[key]),
    );
    if (changed.length > 0)
      throw new UsageError(
        `the run was started with other settings (${changed.join(', ')} changed); give the same, or another --out`,
      );
  } else if (exists) {
    throw new UsageError(`${out} holds a run already; add --resume or give another --out`);
  }
  storing(out, () => {
    mkdirSync(checkpoints, { recursive: true });
    mkdirSync(join(out, 'episodes'), { recursive: true });
    writeFileSync(configPath, JSON.stringify(config, null, 2) + '\n');
  });
  const step = checkpointSteps(checkpoints).at(-1);
  const log = new RolloutLog(out);
  if (step === undefined) return { folder: out, log, state: FIRST };
  const checkpoint = join(checkpoints, checkpointName(step));
  const state = runSchema.parse(JSON.parse(readFileSync(join(checkpoint, RUN_FILE), 'utf8')));
  if (log.entries.length < state.rollouts)
    throw new CheckpointError(
      `${out} has a checkpoint after ${state.rollouts} roll-outs, its log knows ${log.entries.length}: it belongs to another run`,
    );
  return { folder: out, log, state, checkpoint };
}

interface StartPolicy extends StoredPolicy {
  readonly manifest: PolicyManifest;
}

function readStart({ policy, rig }: FinetuneRequest, config: FinetuneConfig): StartPolicy {
  const folder = resolve(policy);
  const stored = readStoredPolicy(folder);
  const manifest: PolicyManifest = JSON.parse(readFileSync(join(folder, CHECKPOINT_FILES.manifest), 'utf8'));
  if (manifest.task !== rig.task)
    throw new UsageError(`${policy} is a policy for ${manifest.task}, the rig's task is ${rig.task}`);
  const { dropout = stored.config.dropout } = config;
  return { ...stored, manifest, config: { ...stored.config, dropout } };
}

interface Demonstrations {
  readonly store: EpisodeStore;
  readonly entries: readonly {
    readonly path: string;
    readonly steps: number;
    /** (T,) reward after each step. */
    readonly reward: Float64Array;
    readonly seed: number;
    readonly cameras: readonly string[];
    /** Whether any image can be drawn from it. */
    readonly fromStates: boolean;
  }[];
}

/** Reads every demonstration once: those that cannot be read are told and left out. Throws EpisodeError for too few. */
function listDemonstrations(
  { demonstrations: folder, count, rig }: FinetuneRequest,
  listener: RunListener,
): Demonstrations {
  const store = EpisodeStore.open(folder);
  const listed = store
    .list()
    .filter(({ info, outcome }) => info.task === rig.task && outcome.success)
    .slice(0, count);
  for (const { path, reason } of store.unreadable) listener.onLine(`${path} is left out: ${reason}`);
  const entries = listed.flatMap(({ name, path, info }) => {
    try {
      const { steps, reward } = store.read(name);
      const { seed, cameras, backend } = info;
      return [{ path, steps, reward, seed, cameras, fromStates: backend === 'sim' }];
    } catch (error) {
      if (!(error instanceof EpisodeError)) throw error;
      listener.onLine(`${path} is left out: ${error.message}`);
      return [];
    }
  });
  if (entries.length === 0)
    throw new EpisodeError(
      `${folder} has no successful episodes of ${rig.task} that can be read: record some with \`alohad record\``,
    );
  return { store, entries };
}

/** A policy and a replay of different robots refuse each other by name. */
function requireSameRobot(
  start: StartPolicy,
  { store, entries }: Demonstrations,
  { rig }: FinetuneRequest,
): void {
  const { config, manifest } = start;
  for (const { path, cameras, fromStates } of entries) {
    const missing = manifest.images.map(({ camera }) => camera).filter((camera) => !cameras.includes(camera));
    if (!fromStates && missing.length > 0)
      throw new UsageError(
        `policy ${manifest.name} looks through ${missing.join(', ')}, which ${basename(path)} did not record`,
      );
  }
  const [first] = entries;
  const episode = store.read(basename(first!.path, '.mcap'));
  const width = episode.qpos.length / episode.steps;
  if (width !== config.stateSize)
    throw new UsageError(
      `policy ${manifest.name} reads ${config.stateSize} joints, ${basename(first!.path)} has ${width}: other joint order or robot`,
    );
  const objects = episode.environmentState.length / episode.steps;
  if (seesEnvironmentState(config) && objects !== config.environmentStateSize)
    throw new UsageError(
      `policy ${manifest.name} reads ${config.environmentStateSize} numbers of object poses, ${basename(first!.path)} has ${objects}`,
    );
  // Normalised actions of a policy and its data must lie in the same range: a unit or gripper convention that differs
  // shows here.
  const { mean, std } = config.normalisation.action;
  const far = mean.findIndex((center, joint) => {
    let sum = 0;
    for (let step = 0; step < episode.steps; step++) sum += episode.action[step * width + joint]!;
    return Math.abs(sum / episode.steps - center) > 6 * Math.max(std[joint]!, 0.1);
  });
  if (far >= 0)
    throw new UsageError(
      `actions of ${basename(first!.path)} lie far from what policy ${manifest.name} was normalised with (entry ${far}): ` +
        `other units, joint order or gripper convention for task ${rig.task}`,
    );
}

interface Parts {
  readonly actor: Actor;
  readonly algorithm: Algorithm | undefined;
  readonly explorers: Explorers | undefined;
  readonly farm: SimRolloutFarm;
  readonly judgeFarm: SimRolloutFarm;
  readonly sampler: DemonstrationSampler;
  readonly start: StartPolicy;
  /** Samples with images for the check of a model that is to be served. */
  readonly golden: BatchBlock;
  /** The same samples as the trainer reads them. */
  readonly goldenBatch: ActBatch;
  close(): Promise<void>;
}

async function buildParts(
  request: FinetuneRequest,
  config: FinetuneConfig,
  run: OpenRun,
  start: StartPolicy,
  { entries }: Demonstrations,
  signal: AbortSignal,
): Promise<Parts> {
  const { rig, threads, workers } = request;
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
  const chunks = new SampleLoader({
    ...loaderOptions,
    ...(cachedFeatures && { featureModel: buildFeatureModel(network, weights) }),
  });
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
  const trainer = await ActorTrainer.create({
    ...trainerOptions,
    state: run.checkpoint === undefined ? given : readTrainerState(run.checkpoint),
  });
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
  };
  const farm = new SimRolloutFarm({
    ...farmOptions,
    workers: Math.min(workers, config.rolloutsPerUpdate),
    folder: join(run.folder, 'episodes'),
  });
  const judgeFarm = new SimRolloutFarm({ ...farmOptions, workers });
  const algorithm = await buildAlgorithm(request, config, run, start, actor, farm, cachedFeatures);
  if (algorithm) algorithm.addPrior(priorSamples(config, entries, network.chunkSize));
  const sampler = new DemonstrationSampler(entries, config.batchSize, config.seed);
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
    start,
    golden,
    goldenBatch,
    close: async () => {
      await farm.close();
      await judgeFarm.close();
      await explorers?.close();
      await algorithm?.close();
      await chunks.close();
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

async function buildAlgorithm(
  { threads, rig }: FinetuneRequest,
  config: FinetuneConfig,
  run: OpenRun,
  { config: network }: StartPolicy,
  actor: Actor,
  farm: SimRolloutFarm,
  cachedFeatures: boolean,
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
              source: farm,
              task: rig.task,
              seed: config.seed,
              branches,
              offsetM,
              log: join(run.folder, 'branches.jsonl'),
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
        ...(run.checkpoint !== undefined && { state: readTensors(join(run.checkpoint, ALGORITHM_FILE)) }),
      });
      return new ChunkCriticLearning(actor, critic, criticConfig, {
        ...rest,
        batchSize,
        criticBatchSize,
        ...(maxActorLag !== undefined && { maxActorLag }),
      });
    }
    default:
      return config.algorithm satisfies never;
  }
}

function readTensors(path: string) {
  return decodeSafetensors(Uint8Array.from(readFileSync(path))).tensors;
}

/** Demonstrations and past runs, farmed like roll-outs. */
function priorSamples(
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
  }
  return samples;
}

/** The run's folder, evaluations and deployments: what happens around the loop. */
class FinetuneSession implements RunHooks {
  readonly log: RolloutLog;
  readonly evaluations: StoredEvaluation[];
  readonly #request: FinetuneRequest;
  readonly #config: FinetuneConfig;
  readonly #folder: string;
  readonly #parts: Parts;
  readonly #listener: RunListener;
  readonly #poses: readonly StartPose[];
  readonly #began = performance.now();
  readonly #watch = new CollapseWatch();
  #deployed: Outcomes | undefined;

  constructor(
    request: FinetuneRequest,
    config: FinetuneConfig,
    run: OpenRun,
    parts: Parts,
    listener: RunListener,
  ) {
    this.log = run.log;
    this.#request = request;
    this.#config = config;
    this.#folder = run.folder;
    this.#parts = parts;
    this.#listener = listener;
    this.#poses = readPool('select', request.rig.task).slice(0, config.evaluation.episodes);
    const path = join(run.folder, 'evaluations.jsonl');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    this.evaluations = lines.map((line) => evaluationSchema.parse(JSON.parse(line)));
    const last = this.evaluations.findLast(({ promoted }) => promoted);
    this.#deployed = last?.maxReward.map((reward) => reward >= MAX_REWARD);
    if (!last || !this.#deployed) return;
    this.#watch.begin(this.#deployed);
    for (const { maxReward } of this.log.entries.slice(last.rollouts, run.state.rollouts))
      if (this.#watch.add(maxReward >= MAX_REWARD)) this.#watch.begin(this.#deployed);
  }

  start(index: number): StartPose {
    const seed = FIRST_TRAINING_SEED + this.#config.seed * SEEDS_PER_RUN + index;
    return sampleStartPose(this.#request.rig.task, seed);
  }

  async checkpoint(state: RunState, loop: ReadonlyMap<string, Weight>): Promise<void> {
    const folder = join(this.#folder, 'checkpoints', checkpointName(state.rollouts));
    writeCheckpoint(folder, {
      ...this.#content(state),
      extra: {
        [RUN_FILE]: JSON.stringify(state),
        [ALGORITHM_FILE]: encodeSafetensors(this.#parts.algorithm?.state() ?? new Map()),
        [LOOP_FILE]: encodeSafetensors(loop),
      },
    });
    const old = checkpointSteps(join(this.#folder, 'checkpoints')).slice(0, -2);
    for (const step of old)
      rmSync(join(this.#folder, 'checkpoints', checkpointName(step)), { recursive: true, force: true });
  }

  async evaluate(state: RunState): Promise<void> {
    if (this.evaluations.some(({ rollouts }) => rollouts === state.rollouts)) return;
    const { trainer } = this.#parts.actor;
    const { optimizer } = trainer.learner;
    const weights = this.#config.actWith === 'average' ? optimizer.average : optimizer.weights;
    this.#parts.judgeFarm.publish({ version: state.rollouts, weights });
    const played = await this.#parts.judgeFarm.play(this.#poses);
    const outcomes = played.map(({ outcome }) => outcome.success);
    const verdict = this.#deployed
      ? judgeCandidate(this.#deployed, outcomes)
      : { promoted: true, reason: 'the policy to start from' };
    const deployment = verdict.promoted ? await this.#deploy(state, outcomes) : undefined;
    const successes = outcomes.filter(Boolean).length;
    const { low, high } = wilson(successes, outcomes.length);
    const evaluation: StoredEvaluation = {
      rollouts: state.rollouts,
      pool: 'select',
      successes,
      episodes: outcomes.length,
      wilson95: [low, high],
      maxReward: played.map((rollout: Rollout) => rollout.outcome.maxReward),
      finalReward: played.map((rollout: Rollout) => rollout.outcome.finalReward),
      promoted: verdict.promoted && deployment === undefined,
      reason: deployment ?? verdict.reason,
    };
    this.evaluations.push(evaluation);
    this.#append('evaluations.jsonl', evaluation);
    this.say(
      `after ${state.rollouts} roll-outs: ${successes} of ${outcomes.length} SELECT poses ` +
        `(${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %); ` +
        `${evaluation.promoted ? 'deployed' : 'not deployed'}: ${evaluation.reason}`,
    );
  }

  report(rollout: LoggedRollout, learning: LearningReport, state: RunState): void {
    const { index, maxReward, finalReward } = rollout;
    const success = maxReward >= MAX_REWARD;
    this.#append('metrics.jsonl', {
      rollout: index,
      maxReward,
      finalReward,
      success: state.stabiliser.success,
      ...learning,
      ...this.#parts.algorithm?.sizes,
    });
    if (this.#watch.add(success)) this.#rollBack();
    const sizes = this.#parts.algorithm?.sizes;
    this.#listener.onProgress(
      index + 1,
      this.#config.rollouts,
      `success ${(100 * state.stabiliser.success).toFixed(0)} %` +
        (sizes ? `, ${sizes.successes} successes and ${sizes.failures} failures kept` : ''),
    );
  }

  say(text: string): void {
    this.#append('events.jsonl', { at: new Date().toISOString(), text });
    this.#listener.onLine(text);
  }

  quarantine(path: string, reason: string): void {
    const folder = join(this.#folder, 'quarantine');
    try {
      mkdirSync(folder, { recursive: true });
      // Demonstrations and other runs' episodes are not ours to move.
      if (path.startsWith(join(this.#folder, 'episodes'))) renameSync(path, join(folder, basename(path)));
      writeFileSync(join(folder, `${basename(path)}.reason.txt`), `${reason}\n`);
    } catch {
      // It may be on a disk that cannot be written; it is left out all the same.
    }
    this.say(`${path} was set aside and is not learned from: ${reason}`);
  }

  isDone(): boolean {
    const { budgetS, target } = this.#request;
    const last = this.evaluations.at(-1);
    if (budgetS !== undefined && performance.now() - this.#began > budgetS * 1000) return true;
    return target !== undefined && last !== undefined && last.successes / last.episodes >= target;
  }

  finish(time: {
    readonly waitingMs: number;
    readonly learningMs: number;
    readonly playingMs: number;
  }): void {
    this.#append('events.jsonl', { at: new Date().toISOString(), time });
  }

  /** Returns why it was not deployed, if so. */
  async #deploy(state: RunState, outcomes: Outcomes): Promise<string | undefined> {
    const { trainer } = this.#parts.actor;
    const candidate = join(this.#folder, 'candidate');
    const content = this.#content(state);
    writeCheckpoint(candidate, content);
    if (this.#config.actWith === 'average') {
      const trained = await trainer.validate(this.#parts.goldenBatch);
      await verifyModel(content.model, this.#parts.start.config, this.#parts.golden, trained);
    }
    const latency = await medianLatencyMs(candidate);
    if (latency > LATENCY_LIMIT_MS) {
      rmSync(candidate, { recursive: true, force: true });
      return `too slow: ${latency.toFixed(1)} ms at the median, ${LATENCY_LIMIT_MS} ms allowed`;
    }
    deploy(this.#folder, candidate);
    this.#deployed = outcomes;
    this.#watch.begin(outcomes);
    return undefined;
  }

  #rollBack(): void {
    const deployed = join(this.#folder, 'deployed');
    this.#parts.actor.trainer.load(readTrainerState(deployed));
    this.#watch.begin(this.#deployed!);
    this.say(
      `success of the last roll-outs fell significantly below that of the deployed policy: its weights are back`,
    );
  }

  #content(state: RunState): CheckpointContent {
    const { actor, start } = this.#parts;
    const { learner } = actor.trainer;
    const weights = learner.copyWeights(this.#config.actWith);
    const { manifest, config } = start;
    return {
      manifest: {
        name: this.#config.name,
        task: manifest.task,
        architecture: { ...config },
        chunkSize: manifest.chunkSize,
        images: manifest.images,
        environmentStateSize: manifest.environmentStateSize,
        normalisation: manifest.normalisation,
        parent: manifest.name,
        provenance: {
          command: `alohad ${process.argv.slice(2).join(' ')}`,
          softwareVersion: version,
          rollouts: state.rollouts,
          algorithm: this.#config.algorithm,
          finetuning: this.#config,
          start: manifest.provenance,
        },
      },
      model: buildPolicyModel(config, weights),
      weights,
      state: actor.trainer.state(),
    };
  }

  /** A full disk loses a line of the diary, not the run. */
  #append(file: string, line: object): void {
    try {
      appendFileSync(join(this.#folder, file), `${JSON.stringify(line)}\n`);
    } catch (error) {
      if (!(error instanceof StorageError)) this.#listener.onLine(`cannot write ${file}: ${String(error)}`);
    }
  }
}

async function medianLatencyMs(folder: string): Promise<number> {
  const { InferenceClient } = await import('../policy/inferenceClient.js');
  const checkpoint = await loadCheckpoint(folder);
  const client = await InferenceClient.start(checkpoint, { threads: 1 });
  const state = new Float64Array(checkpoint.manifest.environmentStateSize);
  for (let run = 0; run < LATENCY_RUNS; run++) {
    client.submit(run, new Float64Array(checkpoint.manifest.normalisation.qpos.mean), state);
    client.wait();
  }
  const { p50Ms } = client.latency.summary();
  await client.close();
  return p50Ms;
}
