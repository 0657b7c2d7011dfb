/** The trainer as a whole, on networks small enough to run in a second. */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { ActConfig } from '#alohad/network/actConfig.js';
import { initialWeights, parameterShapes } from '#alohad/network/actParameters.js';
import { ActTrainer, type ActBatch, type ActTrainerOptions } from '#alohad/network/actTrainer.js';
import { buildFeatureModel, buildPolicyModel } from '#alohad/network/policyModel.js';
import { RandomStream } from '#alohad/network/random.js';
import { decodeSafetensors, encodeSafetensors } from '#alohad/network/safetensors.js';

const statistics = (size: number) => ({
  mean: Array<number>(size).fill(0.1),
  std: Array<number>(size).fill(0.8),
});

const CONFIG: ActConfig = {
  chunkSize: 5,
  actionSize: 14,
  stateSize: 14,
  environmentStateSize: 7,
  cameras: [
    { width: 32, height: 24 },
    { width: 32, height: 24 },
  ],
  backbone: {
    kind: 'small',
    stem: { kernel: 4, stride: 4, channels: 8 },
    stages: [{ channels: 12, blocks: 2, stride: 2 }],
  },
  sharedBackbone: true,
  cameraEmbedding: true,
  dModel: 16,
  heads: 2,
  feedForward: 32,
  encoderLayers: 2,
  decoderLayers: 2,
  latentSize: 4,
  cvae: true,
  cvaeLayers: 1,
  dropout: 0,
  klWeight: 1,
  auxiliaryWeight: 0.5,
  lossNormalisation: 'valid',
  normalisation: { qpos: statistics(14), action: statistics(14), environmentState: statistics(7) },
};

const BATCH = 3;

function randomBatch(config: ActConfig, seed: number, size = BATCH): ActBatch {
  const random = new RandomStream(seed, 'batch');
  const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
  return {
    qpos: normal(size * config.stateSize),
    images: config.cameras.map(({ width, height }) =>
      Uint8Array.from({ length: size * height * width * 3 }, () => 256 * random.uniform()),
    ),
    environmentState: normal(size * config.environmentStateSize),
    actions: normal(size * config.chunkSize * config.actionSize),
    // The last sample's chunk runs past the end of its episode.
    isPad: Uint8Array.from({ length: size * config.chunkSize }, (_, i) =>
      i >= size * config.chunkSize - 2 ? 1 : 0,
    ),
    noise: normal(size * config.latentSize),
  };
}

function options(config: ActConfig): ActTrainerOptions {
  return {
    config,
    batchSize: BATCH,
    seed: 1,
    threads: 1,
    groups: [
      { prefix: 'backbone.', learningRate: 1e-3, weightDecay: 1e-2 },
      { prefix: '', learningRate: 3e-3, weightDecay: 1e-4 },
    ],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 5 },
    emaDecay: 0.9,
  };
}

const VARIANTS: readonly [string, Partial<ActConfig>][] = [
  ['small backbone, CVAE, auxiliary loss', {}],
  ['one backbone per camera', { sharedBackbone: false, cameraEmbedding: false }],
  [
    'cameras of different sizes',
    {
      cameras: [
        { width: 32, height: 24 },
        { width: 40, height: 32 },
      ],
    },
  ],
  ['state-based', { cameras: [], cameraEmbedding: false, auxiliaryWeight: 0 }],
  ['no CVAE, all elements', { cvae: false, lossNormalisation: 'all' }],
  ['ResNet18', { backbone: { kind: 'resnet18' }, cameras: [{ width: 33, height: 32 }] }],
];

describe('ActTrainer', () => {
  it.each(VARIANTS)('lowers the loss of one batch: %s', async (_, changes) => {
    const config = { ...CONFIG, ...changes };
    const trainer = await ActTrainer.create(options(config));
    const batch = randomBatch(config, 1);
    const results = await trainer.train(
      Array<ActBatch>(config.backbone.kind === 'resnet18' ? 12 : 40).fill(batch),
    );
    await trainer.close();
    expect(results.at(-1)!.loss).toBeLessThan(0.8 * results[0]!.loss);
    expect(results[0]!.kl > 0).toBe(config.cvae);
    expect(results[0]!.auxiliary > 0).toBe(config.auxiliaryWeight > 0);
  });

  it('has a gradient equal to central differences through the whole network', async () => {
    // One step of plain descent is read back from AdamW's first moment: m = (1 - beta1) * gradient.
    const config = { ...CONFIG, klWeight: 0.3 };
    const batch = randomBatch(config, 5);
    const settings = { ...options(config), optimizer: { betas: [0, 0.999], epsilon: 1e-8 } as const };
    const trainer = await ActTrainer.create(settings);
    await trainer.train([batch], [0]);
    const state = trainer.state();
    await trainer.close();
    const lossAt = async (name: string, direction: Float32Array, step: number) => {
      const moved = new Map(
        [...initialWeights(config, 1)].map(([key, weight]) => [`weights/${key}`, weight]),
      );
      const { shape, data } = moved.get(`weights/${name}`)!;
      moved.set(`weights/${name}`, { shape, data: data.map((x, i) => x + step * direction[i]!) });
      const other = await ActTrainer.create({ ...settings, state: moved });
      const [result] = await other.train([batch], [0]);
      await other.close();
      return result!.loss;
    };
    for (const name of [
      'queries',
      'encoder.0.attention.key.weight',
      'cvae.latent_projection.weight',
      'state_projection.bias',
    ]) {
      const gradient = state.get(`moment1/${name}`)!.data;
      const norm = Math.hypot(...gradient);
      const direction = gradient.map((x) => x / norm);
      const step = 4e-3;
      const numeric =
        ((await lossAt(name, direction, step)) - (await lossAt(name, direction, -step))) / (2 * step);
      expect(numeric / norm, name).toBeCloseTo(1, 1);
    }
  });

  it.each([0, 0.25])(
    'resumes bit-equal to an uninterrupted run, through a file, dropout %f',
    async (dropout) => {
      const settings = { ...options({ ...CONFIG, dropout }), threads: 2 };
      const batches = Array.from({ length: 6 }, (_, i) => randomBatch(CONFIG, i));
      const whole = await ActTrainer.create(settings);
      await whole.train(batches.slice(0, 3), [0.1, 0.5, 1]);
      const file = encodeSafetensors(whole.state());
      const expected = await whole.train(batches.slice(3), [1, 1, 0.5]);
      const resumed = await ActTrainer.create({ ...settings, state: decodeSafetensors(file).tensors });
      expect(resumed.step).toBe(3);
      expect(await resumed.train(batches.slice(3), [1, 1, 0.5])).toEqual(expected);
      expect(encodeSafetensors(resumed.state())).toEqual(encodeSafetensors(whole.state()));
      expect(await resumed.validate(batches[0]!)).toBe(await whole.validate(batches[0]!));
      await resumed.close();
      await whole.close();
    },
  );

  it.each<[string, Partial<ActConfig>]>([
    ['small', {}],
    [
      'small with padding',
      {
        backbone: {
          kind: 'small',
          stem: { kernel: 5, stride: 2, channels: 4 },
          stages: [{ channels: 6, blocks: 1, stride: 2 }],
        },
      },
    ],
    [
      'ResNet18',
      { backbone: { kind: 'resnet18' }, cameras: [{ width: 70, height: 64 }], sharedBackbone: false },
    ],
  ])('with cached features equals training on images with a frozen backbone: %s', async (_, changes) => {
    const config = { ...CONFIG, ...changes, cvae: false };
    const batch = randomBatch(config, 1);
    const frozen = {
      ...options(config),
      groups: [
        { prefix: 'backbone.', learningRate: 0, weightDecay: 0 },
        { prefix: '', learningRate: 1e-3, weightDecay: 0 },
      ],
    };
    const onImages = await ActTrainer.create({
      ...frozen,
      optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
    });
    const cached = await ActTrainer.create({
      ...frozen,
      optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
      cachedFeatures: true,
    });
    const model = await InferenceSession.create(buildFeatureModel(config, cached.averagedWeights()));
    const features = cached.imageShapes.map((shape) => new Float32Array(shape.reduce((a, b) => a * b, 1)));
    for (let sample = 0; sample < BATCH; sample++) {
      const feeds = config.cameras.map(({ width, height }, i) => {
        const size = width * height * 3;
        const pixels = batch.images[i]!.slice(sample * size, (sample + 1) * size);
        return [`image_${i}`, new OrtTensor('uint8', pixels, [1, height, width, 3])] as const;
      });
      const maps = await model.run(Object.fromEntries(feeds));
      features.forEach((data, i) => {
        const map = Float32Array.from(maps[`features_${i}`]!.data, Number);
        data.set(map, sample * map.length);
      });
    }
    const expected = await onImages.train([batch, batch, batch]);
    const onFeatures = { ...batch, images: features };
    const results = await cached.train([onFeatures, onFeatures, onFeatures]);
    expect(results[0]!.loss).toBeCloseTo(expected[0]!.loss, 5);
    // Adam's first steps turn rounding of tiny gradients into whole steps.
    results.forEach(({ loss }, i) => expect(loss).toBeCloseTo(expected[i]!.loss, 3));
    await onImages.close();
    await cached.close();
  });

  it('refuses a state of another shape and a batch of another size, naming both', async () => {
    const state = new Map([['weights/queries', { shape: [2, 16], data: new Float32Array(32) }]]);
    await expect(ActTrainer.create({ ...options(CONFIG), state })).rejects.toThrow(
      '"weights/queries" has shape (2, 16)',
    );
    const trainer = await ActTrainer.create(options(CONFIG));
    await expect(trainer.train([randomBatch(CONFIG, 1, 2)])).rejects.toThrow('batch.qpos has 28 elements');
    await trainer.close();
  });
});

describe('buildPolicyModel', () => {
  it('gives the predictions that validation scored', async () => {
    const trainer = await ActTrainer.create({ ...options(CONFIG), emaDecay: 0 });
    await trainer.train([randomBatch(CONFIG, 1), randomBatch(CONFIG, 2)]);
    const batch = randomBatch(CONFIG, 3, 1);
    const l1 = await trainer.validate(batch);
    const session = await InferenceSession.create(buildPolicyModel(CONFIG, trainer.averagedWeights()));
    await trainer.close();
    expect(session.inputNames).toEqual(['qpos', 'image_0', 'image_1']);
    const { actions } = await session.run({
      qpos: new OrtTensor('float32', batch.qpos, [1, 14]),
      image_0: new OrtTensor('uint8', batch.images[0]!, [1, 24, 32, 3]),
      image_1: new OrtTensor('uint8', batch.images[1]!, [1, 24, 32, 3]),
    });
    expect(actions!.dims).toEqual([1, 5, 14]);
    const predicted = Float32Array.from(actions!.data, Number);
    let error = 0;
    let count = 0;
    predicted.forEach((value, i) => {
      if (batch.isPad[Math.floor(i / 14)]) return;
      error += Math.abs(value - batch.actions[i]!) / CONFIG.normalisation.action.std[0]!;
      count++;
    });
    expect(error / count).toBeCloseTo(l1, 5);
  });

  it('leaves out what serving does not need', () => {
    const weights = new Map(initialWeights(CONFIG, 1));
    const all = buildPolicyModel(CONFIG, weights).length;
    for (const name of parameterShapes(CONFIG).keys())
      if (
        name.startsWith('cvae.') ||
        name.startsWith('auxiliary_head') ||
        name === 'latent_projection.weight'
      )
        weights.delete(name);
    expect(buildPolicyModel(CONFIG, weights).length).toBe(all);
  });

  it('names a weight that is missing', () => {
    const weights = new Map(initialWeights(CONFIG, 1));
    weights.delete('queries');
    expect(() => buildPolicyModel(CONFIG, weights)).toThrow('"queries" has no value');
  });
});
