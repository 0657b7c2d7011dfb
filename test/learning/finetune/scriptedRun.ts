/**
 * The loop of fine-tuning without a simulator: a tiny policy, roll-outs whose rewards are scripted (every third misses the
 * goal by one reward, the others reach it), and chunks that are made up from their place.
 */
import type { StartPose } from '#alohad/contract/task.js';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import type { Actor, Algorithm, LearningReport } from '#alohad/learning/finetune/actor.js';
import { ChunkCriticLearning } from '#alohad/learning/finetune/chunkCritic.js';
import { ChunkSupply } from '#alohad/learning/finetune/chunkSupply.js';
import { DemonstrationSampler } from '#alohad/learning/finetune/demonstrations.js';
import { DiskPatience } from '#alohad/learning/finetune/diskPatience.js';
import type { Divergence, RunState } from '#alohad/learning/finetune/finetune.js';
import { FIRST, Finetuning } from '#alohad/learning/finetune/finetune.js';
import { parseFinetuneConfig } from '#alohad/learning/finetune/finetuneConfig.js';
import type { ChunkReference } from '#alohad/learning/finetune/replay.js';
import type { LoggedRollout } from '#alohad/learning/finetune/rolloutLog.js';
import { CorruptEpisodeError } from '#alohad/learning/finetune/sampleLoader.js';
import { SelfImitation } from '#alohad/learning/finetune/selfImitation.js';
import type { ActBatch } from '#alohad/network/actBatch.js';
import type { ActConfig } from '#alohad/network/actConfig.js';
import type { Weight } from '#alohad/network/actParameters.js';
import { ActorTrainer } from '#alohad/network/actorTrainer.js';
import { CriticTrainer } from '#alohad/network/criticTrainer.js';

const [DOF, CHUNK, STEPS, OBJECTS] = [14, 8, 32, 14];
const unit = (size: number) => ({ mean: Array<number>(size).fill(0), std: Array<number>(size).fill(1) });
const NETWORK: ActConfig = {
  chunkSize: CHUNK,
  actionSize: DOF,
  stateSize: DOF,
  environmentStateSize: OBJECTS,
  cameras: [],
  backbone: { kind: 'resnet18' },
  sharedBackbone: true,
  cameraEmbedding: false,
  dModel: 8,
  heads: 2,
  feedForward: 16,
  encoderLayers: 1,
  decoderLayers: 1,
  latentSize: 4,
  cvae: true,
  cvaeLayers: 1,
  dropout: 0.1,
  klWeight: 1,
  auxiliaryWeight: 0,
  lossNormalisation: 'valid',
  normalisation: { qpos: unit(DOF), action: unit(DOF), environmentState: unit(OBJECTS) },
};
const TRAINING = {
  seed: 1,
  groups: [{ prefix: '', learningRate: 1e-3, weightDecay: 0 }],
  optimizer: { betas: [0.9, 0.999] as const, epsilon: 1e-8, clipNorm: 1 },
  threads: 1,
};

export type AlgorithmName = 'none' | 'chunk-critic' | 'self-imitation';

export interface Saved {
  readonly state: RunState;
  readonly actor: ReadonlyMap<string, Weight>;
  readonly algorithm: ReadonlyMap<string, Weight>;
  readonly extra: ReadonlyMap<string, Weight>;
}

export interface ScriptedOptions {
  readonly algorithm: AlgorithmName;
  readonly rollouts: number;
  readonly log?: LoggedRollout[];
  readonly from?: Saved;
  /** Set-aside episodes of the run before. */
  readonly unreadable?: readonly string[];
  /** Called before each roll-out is played; may throw. */
  readonly beforePlay?: (index: number) => void;
  readonly beforeAppend?: (index: number) => void;
  /** Whether the episode can be read when a batch is asked for. */
  readonly isReadable?: (path: string) => boolean;
  /** Changes a batch that was asked for. */
  readonly spoil?: (samples: readonly ChunkReference[], batch: ActBatch) => void;
  readonly signal?: AbortSignal;
}

export interface ScriptedRun {
  readonly end: RunState;
  readonly checkpoints: readonly Saved[];
  readonly weights: ReadonlyMap<string, Weight>;
  readonly critic: ReadonlyMap<string, Weight>;
  readonly reports: readonly LearningReport[];
  readonly quarantined: readonly string[];
  readonly divergences: readonly Divergence[];
  readonly said: readonly string[];
  readonly log: readonly LoggedRollout[];
  readonly played: readonly number[];
}

const demonstrations = ['a', 'b', 'c'].map((name) => ({ path: `demonstration ${name}`, steps: STEPS }));

function made({ path, step }: ChunkReference) {
  const random = RandomStream.of(1, path, step);
  const draw = (size: number) => Array.from({ length: size }, () => random.normal());
  return { qpos: draw(DOF), objects: draw(OBJECTS), actions: draw(CHUNK * DOF) };
}

/** (T,) reward: 4 at last, or 3 for every third roll-out. */
function scriptedReward(index: number): Float64Array {
  const reward = new Float64Array(STEPS);
  reward.fill(3, 20);
  if (index % 3 !== 0) reward.fill(4, 28);
  return reward;
}

/** What a run leaves when it stops, by itself or by an error, which is then among the results. */
export async function scriptedRun(options: ScriptedOptions): Promise<ScriptedRun & { error?: unknown }> {
  const { rollouts, from, signal, log = [] } = options;
  const config = parseFinetuneConfig({
    algorithm: options.algorithm,
    rollouts,
    batchSize: 4,
    imitation: { every: 2, steps: 2 },
    checkpointEvery: 4,
    evaluation: { every: 1000, episodes: 1 },
  });
  const trainer = await ActorTrainer.create({
    ...TRAINING,
    config: NETWORK,
    batchSize: 4,
    emaDecay: 0.9,
    cachedFeatures: false,
    latent: 'posterior',
    ...(from && { state: from.actor }),
  });
  const chunks = new ChunkSupply({
    load: async (samples) => {
      await Promise.resolve();
      for (const { path } of samples)
        if (options.isReadable?.(path) === false) throw new CorruptEpisodeError(path, `${path} is torn`);
      const rows = samples.map(made);
      const batch: ActBatch = {
        qpos: Float32Array.from(rows.flatMap(({ qpos }) => qpos)),
        environmentState: Float32Array.from(rows.flatMap(({ objects }) => objects)),
        actions: Float32Array.from(rows.flatMap(({ actions }) => actions)),
        isPad: new Uint8Array(samples.length * CHUNK),
        images: [],
      };
      options.spoil?.(samples, batch);
      return batch;
    },
  });
  const actor: Actor = { trainer, chunks, chunkSize: CHUNK, latentSize: 4, lastChunk: 20, seed: 1 };
  const algorithm = await algorithmOf(options, actor);
  const patience = new DiskPatience(signal, { first: 1, longest: 1 });
  const result = {
    checkpoints: [] as Saved[],
    reports: [] as LearningReport[],
    quarantined: [] as string[],
    divergences: [] as Divergence[],
    said: [] as string[],
    played: [] as number[],
  };
  patience.say = (text) => result.said.push(text);
  const saved = (state: RunState, extra: ReadonlyMap<string, Weight>): Saved => ({
    state,
    actor: trainer.state(),
    algorithm: algorithm?.state() ?? new Map(),
    extra,
  });
  let error: unknown;
  let end = from?.state ?? FIRST;
  try {
    const loop = new Finetuning(
      {
        config,
        actor,
        ...(algorithm && { algorithm }),
        source: {
          parallel: 1,
          publish: () => {},
          play: async (starts) => {
            await Promise.resolve();
            return starts.map(({ seed }) => {
              options.beforePlay?.(seed);
              result.played.push(seed);
              const reward = scriptedReward(seed);
              const maxReward = Math.max(...reward);
              const outcome = { steps: STEPS, maxReward, finalReward: maxReward, success: maxReward === 4 };
              return { seed, outcome, reward, actorVersion: seed, path: `roll-out ${seed}` };
            });
          },
          close: async () => {
            await Promise.resolve();
          },
        },
        demonstrations: new DemonstrationSampler(demonstrations, 4, 1),
        hooks: {
          start: (index): StartPose => ({ seed: index, objects: new Float64Array(OBJECTS) }),
          log: {
            entries: log,
            append: (entry) => {
              options.beforeAppend?.(entry.index);
              log.push(entry);
            },
          },
          checkpoint: async (state, extra) => {
            await Promise.resolve();
            result.checkpoints.push(saved(state, extra));
          },
          evaluate: async () => {
            await Promise.resolve();
          },
          report: async (_rollout, learning) => {
            await Promise.resolve();
            result.reports.push(learning);
          },
          say: (text) => result.said.push(text),
          quarantine: (path) => result.quarantined.push(path),
          unreadable: options.unreadable ?? [],
          diverged: (divergence) => result.divergences.push(divergence),
          storing: async (action) => await patience.until(action),
          isDone: () => false,
        },
        ...(signal && { signal }),
      },
      end,
      from?.extra,
    );
    end = await loop.run();
  } catch (thrown) {
    error = thrown;
  }
  const critic = algorithm?.state() ?? new Map<string, Weight>();
  const weights = trainer.state();
  await algorithm?.close();
  await trainer.close();
  return { ...result, end, log, weights, critic, ...(error !== undefined && { error }) };
}

async function algorithmOf(
  { algorithm, from }: ScriptedOptions,
  actor: Actor,
): Promise<Algorithm | undefined> {
  if (algorithm === 'none') return undefined;
  if (algorithm === 'self-imitation')
    return new SelfImitation(actor, {
      batchSize: 4,
      farmed: 2,
      actorSteps: 2,
      capacity: 100,
      corrections: 0,
      failures: 'last',
      centre: false,
    });
  const criticConfig = {
    actor: NETWORK,
    eyes: 'own' as const,
    channels: [],
    hidden: [8],
    heads: 2,
    actions: 'all' as const,
  };
  const critic = await CriticTrainer.create({
    ...TRAINING,
    config: criticConfig,
    batchSize: 4,
    ...(from && { state: from.algorithm }),
  });
  const learning = new ChunkCriticLearning(actor, critic, criticConfig, {
    mode: 'conservative',
    batchSize: 4,
    criticBatchSize: 4,
    farmed: 2,
    criticSteps: 2,
    actorSteps: 1,
    gamma: 0.005,
    warmUp: 3,
    capacity: 100,
    use: 'pessimistic',
    beta: 1,
    bootstrap: 0.8,
  });
  if (from) learning.load(from.algorithm);
  return learning;
}
