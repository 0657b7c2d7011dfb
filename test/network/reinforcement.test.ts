/** Losses of fine-tuning: values by hand, gradients against central differences, what a step must not touch. */
import { describe, expect, it } from 'vitest';
import type { ActConfig } from '#alohad/network/actConfig.js';
import type { ActBatch } from '#alohad/network/actBatch.js';
import { ActorTrainer } from '#alohad/network/actorTrainer.js';
import type { CriticConfig } from '#alohad/network/critic.js';
import { CriticTrainer } from '#alohad/network/criticTrainer.js';
import type { Learner } from '#alohad/network/learner.js';
import { RandomStream } from '#alohad/network/random.js';

const statistics = (size: number) => ({
  mean: Array<number>(size).fill(0.1),
  std: Array<number>(size).fill(0.8),
});

const CONFIG: ActConfig = {
  chunkSize: 5,
  actionSize: 14,
  stateSize: 14,
  environmentStateSize: 0,
  cameras: [
    { width: 32, height: 24 },
    { width: 32, height: 24 },
  ],
  backbone: {
    kind: 'small',
    stem: { kernel: 4, stride: 4, channels: 8 },
    stages: [{ channels: 12, blocks: 1, stride: 2 }],
  },
  sharedBackbone: true,
  cameraEmbedding: true,
  dModel: 16,
  heads: 2,
  feedForward: 32,
  encoderLayers: 1,
  decoderLayers: 1,
  latentSize: 4,
  cvae: true,
  cvaeLayers: 1,
  dropout: 0,
  klWeight: 1,
  auxiliaryWeight: 0,
  lossNormalisation: 'valid',
  normalisation: { qpos: statistics(14), action: statistics(14) },
};

const COMMON = {
  seed: 1,
  threads: 1,
  groups: [{ prefix: '', learningRate: 1e-3, weightDecay: 0 }],
  optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
  emaDecay: 0,
} as const;

const criticConfig = (changes: Partial<CriticConfig> = {}): CriticConfig => ({
  actor: CONFIG,
  eyes: 'own',
  channels: [6, 4],
  hidden: [16],
  heads: 3,
  actions: 'all',
  ...changes,
});

function randomBatch(size: number, seed: number): ActBatch {
  const random = new RandomStream(seed, 'batch');
  const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
  return {
    qpos: normal(size * 14),
    images: CONFIG.cameras.map(({ width, height }) =>
      Uint8Array.from({ length: size * height * width * 3 }, () => 256 * random.uniform()),
    ),
    actions: normal(size * 5 * 14),
    // The last sample's chunk runs past the end of its episode.
    isPad: Uint8Array.from({ length: size * 5 }, (_, i) => (i >= size * 5 - 2 ? 1 : 0)),
    noise: normal(size * 4),
  };
}

const actorOf = (changes: Partial<ActConfig> = {}, latent: 'posterior' | 'prior' = 'posterior') =>
  ActorTrainer.create({
    ...COMMON,
    config: { ...CONFIG, ...changes },
    batchSize: 4,
    cachedFeatures: false,
    latent,
  });

const criticOf = (config: CriticConfig) => CriticTrainer.create({ ...COMMON, config, batchSize: 4 });

/** Compares the gradient of `loss` (a step that moves nothing) with central differences, parameter by parameter. */
async function checkGradient(
  learner: Learner,
  loss: () => Promise<number>,
  names: readonly string[],
): Promise<void> {
  const start = learner.optimizer.weights.slice();
  await loss();
  const gradients = learner.optimizer.gradients.slice();
  const at = async (moved: Float32Array): Promise<number> => {
    learner.optimizer.weights.set(moved);
    return await loss();
  };
  for (const name of names) {
    const { offset, size } = learner.slots.find((slot) => slot.name === name)!;
    const gradient = gradients.subarray(offset, offset + size);
    const norm = Math.hypot(...gradient);
    expect(norm, name).toBeGreaterThan(0);
    const move = (step: number) =>
      start.map((w, i) => (i >= offset && i < offset + size ? w + (step * gradients[i]!) / norm : w));
    const step = 4e-3;
    const numeric = ((await at(move(step))) - (await at(move(-step)))) / (2 * step);
    expect(numeric / norm, name).toBeCloseTo(1, 1);
  }
  learner.optimizer.weights.set(start);
}

/** Rates of zero: losses are computed, nothing moves. */
const STILL = { groups: [{ prefix: '', learningRate: 0, weightDecay: 0 }] };

const still = async (latent: 'posterior' | 'prior' = 'posterior') =>
  await ActorTrainer.create({
    ...COMMON,
    ...STILL,
    config: CONFIG,
    batchSize: 4,
    cachedFeatures: false,
    latent,
  });

describe('algorithm 1: the surrogate', () => {
  it('is the mean of A * MSE over the executed part of each chunk, in normalised units', async () => {
    const actor = await actorOf({}, 'prior');
    const batch = randomBatch(4, 1);
    const chunks = await actor.chunks(batch, 'weights');
    const advantages = Float32Array.of(0.5, 0.5, -0.5, 0.5);
    let expected = 0;
    for (let row = 0; row < 4; row++) {
      let squares = 0;
      let valid = 0;
      for (let i = 0; i < 70; i++) {
        if (batch.isPad[row * 5 + Math.floor(i / 14)] === 1) continue;
        squares += ((chunks[row * 70 + i]! - batch.actions[row * 70 + i]!) / 0.8) ** 2;
        valid++;
      }
      expected += (advantages[row]! * squares) / valid / 4;
    }
    const { loss } = await actor.surrogate(batch, advantages, 'a');
    await actor.close();
    expect(loss).toBeCloseTo(expected, 5);
  });

  it.each(['posterior', 'prior'] as const)('has the right gradient, z from the %s', async (latent) => {
    const actor = await still(latent);
    const batch = randomBatch(4, 2);
    const advantages = Float32Array.of(0.5, -0.5, 0.5, 0.5);
    const names = ['queries', 'encoder.0.attention.key.weight', 'backbone.0.stem.weight', 'action_head.bias'];
    if (latent === 'posterior') names.push('cvae.action_projection.weight');
    await checkGradient(
      actor.learner,
      async () => (await actor.surrogate(batch, advantages, 'a')).loss,
      names,
    );
    await actor.close();
  });

  it('pushes a failure no further than the hinge, and never bounds a success', async () => {
    const batch = randomBatch(4, 3);
    const actor = await still('prior');
    const at = async (advantage: number, hinge?: number) =>
      await actor.surrogate(batch, new Float32Array(4).fill(advantage), 'a', hinge);
    const bounded = await at(-0.5, 0.01);
    expect(bounded.loss).toBeCloseTo(-0.005, 5);
    expect(bounded.gradientNorm).toBe(0);
    expect((await at(0.5, 0.01)).loss).toBeCloseTo((await at(0.5)).loss, 6);
    await actor.close();
  });
});

describe('algorithm 2: the composite loss', () => {
  const shares = new Float32Array(3).fill(1 / 3);

  it.each([
    [3, 1],
    [4, 0],
    [2, 2],
  ])('has the right gradient on %i successes and %i failures', async (good, bad) => {
    const config = criticConfig();
    const actor = await still();
    const trainer = await criticOf(config);
    const use = { trainer, config, shares, beta: 0.7, gamma: 0.5 };
    const successes = good > 0 ? randomBatch(good, 4) : undefined;
    const failures = bad > 0 ? randomBatch(bad, 5) : undefined;
    await checkGradient(
      actor.learner,
      async () => (await actor.composite(successes, failures, use, 'a')).loss,
      ['queries', 'decoder.0.cross_attention.value.weight', 'backbone.0.stem.weight'],
    );
    await actor.close();
    await trainer.close();
  });

  it('is a mean over samples of MSE and gamma * -Q(s, pi(s)), by hand', async () => {
    const config = criticConfig({ heads: 1 });
    const actor = await actorOf({}, 'prior');
    const trainer = await criticOf(config);
    const failures = randomBatch(2, 6);
    const judged = await trainer.judge({
      ...failures,
      actions: (await actor.chunks(failures, 'weights')).map((value) => value),
    });
    const use = { trainer, config, shares: Float32Array.of(1), beta: 0, gamma: 0.3 };
    const before = trainer.learner.optimizer.weights.slice();
    const { loss } = await actor.composite(undefined, failures, use, 'a');
    expect(loss).toBeCloseTo((-0.3 * (judged[0]! + judged[1]!)) / 2, 5);
    // The critic is only asked.
    expect(trainer.learner.optimizer.weights).toEqual(before);
    await actor.close();
    await trainer.close();
  });

  it('raises Q of the chunk that the actor proposes', async () => {
    const config = criticConfig({ heads: 1 });
    const actor = await actorOf();
    const trainer = await criticOf(config);
    const failures = randomBatch(4, 7);
    const value = async () => {
      const actions = await actor.chunks(failures, 'weights');
      return (await trainer.judge({ ...failures, actions })).reduce((a, b) => a + b, 0);
    };
    const before = await value();
    const use = { trainer, config, shares: Float32Array.of(1), beta: 0, gamma: 1 };
    for (let i = 0; i < 20; i++) await actor.composite(undefined, failures, use, `step ${i}`);
    expect(await value()).toBeGreaterThan(before);
    await actor.close();
    await trainer.close();
  });
});

describe('the critic', () => {
  it.each([
    ['eyes of its own', criticConfig()],
    ['cosine coefficients of the chunk', criticConfig({ actions: 3 })],
  ])('has the right gradient: %s', async (_, config) => {
    const trainer = await CriticTrainer.create({ ...COMMON, ...STILL, config, batchSize: 4 });
    const batch = randomBatch(4, 8);
    const labels = Float32Array.of(0.5, -0.5, 0.5, -0.5);
    const weights = Float32Array.from({ length: 12 }, (_unused, i) => (i % 5 === 0 ? 0 : 1));
    await checkGradient(trainer.learner, () => trainer.train(batch, labels, weights), [
      'critic.head.0.0.weight',
      'critic.head.2.1.bias',
      'critic.narrow.1.0.weight',
      'critic.backbone.0.stem.weight',
    ]);
    await trainer.close();
  });

  it('learns to tell chunks apart, and a head only from the samples that it is given', async () => {
    const config = criticConfig({ heads: 2 });
    const trainer = await criticOf(config);
    const batch = randomBatch(4, 9);
    const labels = Float32Array.of(0.5, -0.5, 0.5, -0.5);
    const first = Float32Array.of(1, 0, 1, 0, 1, 0, 1, 0);
    for (let i = 0; i < 150; i++) await trainer.train(batch, labels, first);
    const values = await trainer.judge(batch);
    labels.forEach((label, row) => expect(Math.sign(values[row * 2]!)).toBe(Math.sign(label)));
    // The second head saw the eyes change, but was never told a label.
    const errors = labels.map((label, row) => Math.abs(values[row * 2 + 1]! - label));
    expect(Math.max(...errors)).toBeGreaterThan(0.3);
    await trainer.close();
  });

  it('does not see what lies behind the end of the episode', async () => {
    const trainer = await criticOf(criticConfig());
    const batch = randomBatch(4, 10);
    const actions = batch.actions.slice();
    actions.fill(99, actions.length - 2 * 14); // the padded rows of the last sample
    expect(await trainer.judge({ ...batch, actions })).toEqual(await trainer.judge(batch));
    await trainer.close();
  });
});

describe('a step that diverges', () => {
  it('is refused and leaves weights and moments as they were', async () => {
    const actor = await actorOf();
    const batch = randomBatch(4, 11);
    await actor.surrogate(batch, new Float32Array(4).fill(0.5), 'a');
    const before = actor.state();
    batch.actions[3] = Number.NaN;
    await expect(actor.surrogate(batch, new Float32Array(4).fill(0.5), 'b')).rejects.toThrow(
      'the weights are as before this step',
    );
    expect(actor.state()).toEqual(before);
    await actor.close();
  });
});
