import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, EpisodeError, StorageError, UsageError } from '#alohad/contract/errors.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { checkpointSteps, writeCheckpoint } from '#alohad/learning/checkpointFolder.js';
import { loadEpisodes } from '#alohad/learning/loadEpisodes.js';
import { parseTrainingConfig, rateFactor } from '#alohad/learning/trainingConfig.js';
import { verifyModel } from '#alohad/learning/verifyModel.js';
import { initialWeights } from '#alohad/network/actParameters.js';
import type { ActConfig } from '#alohad/network/actConfig.js';
import { buildPolicyModel } from '#alohad/network/policyModel.js';
import { exampleStep, INFO } from '../episodes/exampleStep.mjs';
import { tinyConfig } from './syntheticEpisodes.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-training-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a training configuration', () => {
  it('fills in the paper', () => {
    const config = parseTrainingConfig({ name: 'a', task: 'insertion', steps: 10 });
    expect(config).toMatchObject({ batchSize: 8, network: { chunkSize: 100, dModel: 512, klWeight: 10 } });
    expect(config.learningRate).toMatchObject({ base: 1e-5, weightDecay: 1e-4, schedule: 'constant' });
  });

  it('names every bad entry', () => {
    const bad = {
      name: 'a',
      task: 'juggling',
      steps: 0,
      batchsize: 3,
      images: [{ camera: 'c', width: 8, height: 8, region: { x: 600, y: 0, width: 100, height: 10 } }],
    };
    expect(() => parseTrainingConfig(bad, 'my.yaml')).toThrow(UsageError);
    expect(() => parseTrainingConfig(bad, 'my.yaml')).toThrow(/my\.yaml cannot be used[^]*batchsize/);
    for (const entry of ['task', 'steps', 'images\\[0\\]\\.region']) {
      expect(() => parseTrainingConfig(bad)).toThrow(new RegExp(entry));
    }
  });

  it('warms up and falls along a cosine', () => {
    const learningRate = { warmUp: 10, schedule: 'cosine' as const, final: 0.1 };
    const config = tinyConfig({ steps: 110, learningRate });
    expect(rateFactor(config, 0)).toBeCloseTo(1 / 11);
    expect(rateFactor(config, 10)).toBeCloseTo(1);
    expect(rateFactor(config, 60)).toBeCloseTo(0.55);
    expect(rateFactor(config, 110)).toBeCloseTo(0.1);
    expect(rateFactor(tinyConfig({ learningRate: {} }), 100)).toBe(1);
  });
});

const CONTENT = {
  manifest: {
    name: 'a',
    task: 'insertion' as const,
    architecture: {},
    chunkSize: 5,
    images: [],
    environmentStateSize: 0,
    normalisation: { qpos: { mean: [0], std: [1] }, action: { mean: [0], std: [1] } },
    provenance: {},
  },
  model: Uint8Array.of(1, 2, 3),
  weights: new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]),
  state: new Map([['step', { shape: [1], data: Float32Array.of(7) }]]),
};

describe('checkpoint folders', () => {
  it('appear whole or not at all, and replace what was left half-written', () => {
    mkdirSync(join(folder, 'step_00000007.part'));
    writeFileSync(join(folder, 'step_00000007.part', 'policy.onnx'), 'half');
    expect(checkpointSteps(folder)).toEqual([]);
    writeCheckpoint(join(folder, 'step_00000007'), CONTENT);
    writeCheckpoint(join(folder, 'step_00000007'), CONTENT);
    expect(checkpointSteps(folder)).toEqual([7]);
    expect(readdirSync(folder)).toEqual(['step_00000007']);
    expect(readdirSync(join(folder, 'step_00000007')).sort()).toEqual([
      'optimizer.safetensors',
      'policy.json',
      'policy.onnx',
      'weights.safetensors',
    ]);
  });

  it('say where they could not be written', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => writeCheckpoint(join(folder, 'file', 'step_00000001'), CONTENT)).toThrow(StorageError);
  });
});

describe('the served model', () => {
  it('is refused when it does not act as the one that was trained', async () => {
    const statistics = (size: number) => ({
      mean: Array.from({ length: size }, () => 0),
      std: Array.from({ length: size }, () => 1),
    });
    const config: ActConfig = {
      ...tinyConfig().network,
      actionSize: 14,
      stateSize: 14,
      environmentStateSize: 3,
      cameras: [],
      normalisation: { qpos: statistics(14), action: statistics(14), environmentState: statistics(3) },
    };
    const model = buildPolicyModel(config, initialWeights(config, 1));
    const batch = {
      qpos: new Float32Array(28).fill(0.2),
      environmentState: new Float32Array(6).fill(0.1),
      actions: new Float32Array(2 * 5 * 14),
      isPad: new Uint8Array(10),
      noise: new Float32Array(),
      images: [],
    };
    await expect(verifyModel(model, config, batch, 123)).rejects.toThrow(CheckpointError);
    await expect(verifyModel(model, config, batch, NaN)).rejects.toThrow(
      /does not act as trained: L1 .* instead of NaN/,
    );
  });
});

describe('episodes to learn from', () => {
  const record = (store: EpisodeStore, steps: number) => {
    const writer = store.create(INFO);
    for (let i = 0; i < steps; i++) writer.appendStep(exampleStep(i));
    writer.finish();
  };

  it('are the successes of the task, in memory that threads share', () => {
    const store = EpisodeStore.open(folder, { create: true });
    for (const steps of [45, 3, 50]) record(store, steps);
    const chosen = loadEpisodes(store, { task: 'insertion' });
    expect(chosen.map(({ steps }) => steps)).toEqual([45, 50]);
    expect(chosen[0]!.qpos.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(loadEpisodes(store, { task: 'insertion', onlySuccesses: false, count: 2 })).toHaveLength(2);
  });

  it('are refused when they are too few, of another task, or one of them is broken', () => {
    const store = EpisodeStore.open(folder, { create: true });
    record(store, 45);
    expect(() => loadEpisodes(store, { task: 'transfer_cube' })).toThrow(EpisodeError);
    expect(() => loadEpisodes(store, { task: 'insertion', count: 2 })).toThrow(
      /1 of them successful.*2 wanted/,
    );
    writeFileSync(join(folder, 'episode_000001.mcap'), 'nonsense');
    expect(() => loadEpisodes(store, { task: 'insertion' })).toThrow(/1 episodes in .* cannot be read/);
  });
});
