/** Episodes without a simulator: the action is a smooth function of the observation, so that it can be learnt. */
import type { EpisodeData } from '#alohad/contract/episode.js';
import { DOF } from '#alohad/contract/robot.js';
import { parseTrainingConfig } from '#alohad/learning/trainingConfig.js';
import type { TrainingConfigInput } from '#alohad/learning/trainingConfig.js';

export const ENVIRONMENT_SIZE = 3;

export function syntheticEpisode(seed: number, steps: number): EpisodeData {
  const column = (size: number, value: (step: number, entry: number) => number) =>
    Float64Array.from({ length: steps * size }, (_, i) => value(Math.floor(i / size), i % size));
  const qpos = (step: number, entry: number) => Math.sin(step / 10 + entry + seed);
  return {
    info: {
      task: 'insertion',
      backend: 'sim',
      source: 'script',
      seed,
      startObjects: [],
      softwareVersion: 'test',
      gripper: {},
      cameras: [],
      extra: {},
    },
    outcome: { steps, maxReward: 4, finalReward: 4, success: true },
    steps,
    qpos: column(DOF, qpos),
    qvel: column(DOF, () => 0),
    effort: column(DOF, () => 0),
    action: column(DOF, (step, entry) => qpos(step, entry) * 0.5 + 0.1),
    reward: column(1, (step) => (step === steps - 1 ? 4 : 0)),
    timeMs: column(1, (step) => step * 20),
    physicsState: column(2, (step) => step),
    environmentState: column(ENVIRONMENT_SIZE, (step, entry) => Math.cos(step / 20 + entry + seed)),
  };
}

export const syntheticEpisodes = (count: number, steps: number): EpisodeData[] =>
  Array.from({ length: count }, (_, seed) => syntheticEpisode(seed, steps));

/** A network that trains in milliseconds. */
export const tinyConfig = (overrides: Partial<TrainingConfigInput> = {}) =>
  parseTrainingConfig({
    name: 'tiny',
    task: 'insertion',
    environmentState: true,
    network: {
      chunkSize: 5,
      backbone: { kind: 'small', stem: { kernel: 4, stride: 4, channels: 8 }, stages: [] },
      dModel: 16,
      heads: 2,
      feedForward: 32,
      encoderLayers: 1,
      latentSize: 4,
      cvaeLayers: 1,
    },
    batchSize: 4,
    steps: 40,
    learningRate: { base: 3e-3, backbone: 3e-3, warmUp: 5, schedule: 'cosine' },
    emaDecay: 0.9,
    seed: 3,
    validation: { fraction: 0.25, every: 10, batches: 2 },
    checkpointEvery: 20,
    ...overrides,
  });
