/**
 * Names, shapes and initial values of ACT's parameters. Layouts are PyTorch's: linear (out, in), convolution
 * (out, in, k, k).
 *
 *   backbone.{c}.*                    c = 0 when shared, else the camera's index
 *     resnet18: conv1.weight  bn1.{scale,shift}
 *               layer{1..4}.{0,1}.conv{1,2}.weight  .bn{1,2}.{scale,shift}
 *               layer{2..4}.0.downsample.{weight,scale,shift}
 *       scale = weight / sqrt(running_var + 1e-5), shift = bias - running_mean * scale; frozen
 *     small:    stem.{weight,bias}  stage{1..}.{block}.conv{1,2}.{weight,bias}  stage{1..}.0.shortcut.{weight,bias}
 *   image_projection.{weight,bias}    (d, channels): the 1x1 convolution
 *   camera_embedding                  (cameras, d), only with cameraEmbedding
 *   latent_projection  state_projection  environment_projection   .{weight,bias}
 *       latent_projection has no weight without cvae, as z is always 0
 *   token_positions                   (2 or 3, d): learned positions of latent, state, environment
 *   encoder.{layer}.*, cvae.{layer}.*
 *     attention.{query,key,value,out}.{weight,bias}   query, key, value: thirds of PyTorch's in_proj, in that order
 *     linear{1,2}.{weight,bias}  norm{1,2}.{weight,bias}
 *   decoder.{layer}.*                 self_attention, cross_attention as above, linear{1,2}, norm{1,2,3}
 *   decoder.norm.{weight,bias}
 *   queries                           (k, d): learned queries
 *   action_head.{weight,bias}         (actionSize, d)
 *   cvae.class_token (1, d)  cvae.state_projection  cvae.action_projection  cvae.latent_projection  .{weight,bias}
 *   auxiliary_head.{weight,bias}      (environmentStateSize, d), training only
 */
import type { ActConfig } from './actConfig.js';
import { checkConfig, seesEnvironmentState } from './actConfig.js';
import { sizeOf } from './graph.js';
import type { Shape } from './graph.js';
import { RandomStream } from './random.js';

/** A parameter's values, row-major. */
export interface Weight {
  readonly shape: Shape;
  readonly data: Float32Array;
}

export type Weights = ReadonlyMap<string, Weight>;

/** How a parameter starts: uniform in +-bound, normal with a deviation, or one value everywhere. */
type Initial = { readonly uniform: number } | { readonly normal: number } | { readonly value: number };

export interface ParameterSpec {
  readonly shape: Shape;
  readonly initial: Initial;
  /** Frozen parameters (batch normalisation) get no gradient. */
  readonly frozen: boolean;
}

/** Adds a linear layer as PyTorch starts it; `xavier` for the transformer's matrices, as ACT does. */
export function addLinear(
  specs: Map<string, ParameterSpec>,
  name: string,
  out: number,
  width: number,
  xavier = false,
): void {
  const bound = 1 / Math.sqrt(width);
  const initial = { uniform: xavier ? Math.sqrt(6 / (width + out)) : bound };
  specs.set(`${name}.weight`, { shape: [out, width], initial, frozen: false });
  specs.set(`${name}.bias`, { shape: [out], initial: { uniform: bound }, frozen: false });
}

/** Name -> shape, start and whether it trains, in the order in which they are stored. */
export function parameterSpecs(config: ActConfig): Map<string, ParameterSpec> {
  checkConfig(config);
  const specs = new Map<string, ParameterSpec>();
  const add = (name: string, shape: Shape, initial: Initial, frozen = false) =>
    specs.set(name, { shape, initial, frozen });
  const d = config.dModel;

  const linear = (name: string, out: number, width: number, xavier = false) =>
    addLinear(specs, name, out, width, xavier);
  const norm = (name: string) => {
    add(`${name}.weight`, [d], { value: 1 });
    add(`${name}.bias`, [d], { value: 0 });
  };
  const attention = (name: string) => {
    for (const part of ['query', 'key', 'value', 'out']) {
      // Xavier over the packed (3d, d) matrix for the first three, as PyTorch starts them.
      const rows = part === 'out' ? d : 3 * d;
      add(`${name}.${part}.weight`, [d, d], { uniform: Math.sqrt(6 / (rows + d)) });
      add(`${name}.${part}.bias`, [d], { value: 0 });
    }
  };
  const feedForward = (name: string) => {
    linear(`${name}.linear1`, config.feedForward, d, true);
    linear(`${name}.linear2`, d, config.feedForward, true);
  };
  const encoderLayer = (name: string) => {
    attention(`${name}.attention`);
    feedForward(name);
    for (const i of [1, 2]) norm(`${name}.norm${i}`);
  };
  const backbones = backboneSpecs(config);
  for (const [name, spec] of backbones) specs.set(name, spec);
  if (backbones.size > 0) linear('image_projection', d, backboneChannels(config));
  if (config.cameraEmbedding) add('camera_embedding', [config.cameras.length, d], { normal: 1 });

  linear('latent_projection', d, config.latentSize);
  if (!config.cvae) specs.delete('latent_projection.weight'); // z is always 0: only the bias counts
  linear('state_projection', d, config.stateSize);
  if (seesEnvironmentState(config)) linear('environment_projection', d, config.environmentStateSize);
  add('token_positions', [seesEnvironmentState(config) ? 3 : 2, d], { normal: 1 });
  for (let layer = 0; layer < config.encoderLayers; layer++) encoderLayer(`encoder.${layer}`);
  for (let layer = 0; layer < config.decoderLayers; layer++) {
    const name = `decoder.${layer}`;
    attention(`${name}.self_attention`);
    attention(`${name}.cross_attention`);
    feedForward(name);
    for (const i of [1, 2, 3]) norm(`${name}.norm${i}`);
  }
  norm('decoder.norm');
  add('queries', [config.chunkSize, d], { normal: 1 });
  linear('action_head', config.actionSize, d);
  if (config.cvae) {
    add('cvae.class_token', [1, d], { normal: 1 });
    linear('cvae.state_projection', d, config.stateSize);
    linear('cvae.action_projection', d, config.actionSize);
    for (let layer = 0; layer < config.cvaeLayers; layer++) encoderLayer(`cvae.${layer}`);
    linear('cvae.latent_projection', 2 * config.latentSize, d);
  }
  if (config.auxiliaryWeight > 0) linear('auxiliary_head', config.environmentStateSize, d);
  return specs;
}

/** Parameters of the image backbones alone: one when shared, else one per camera. */
export function backboneSpecs(config: ActConfig): Map<string, ParameterSpec> {
  const specs = new Map<string, ParameterSpec>();
  const add = (name: string, shape: Shape, initial: Initial, frozen = false) =>
    specs.set(name, { shape, initial, frozen });
  const convolution = (name: string, out: number, inputs: number, kernel: number, initial?: Initial) =>
    add(
      `${name}.weight`,
      [out, inputs, kernel, kernel],
      initial ?? { normal: Math.sqrt(2 / (inputs * kernel ** 2)) },
    );

  const backbones = config.cameras.length === 0 ? 0 : config.sharedBackbone ? 1 : config.cameras.length;
  for (let index = 0; index < backbones; index++) {
    const prefix = `backbone.${index}`;
    const frozenNorm = (name: string, channels: number) => {
      add(`${name}.scale`, [channels], { value: 1 }, true);
      add(`${name}.shift`, [channels], { value: 0 }, true);
    };
    if (config.backbone.kind === 'resnet18') {
      convolution(`${prefix}.conv1`, 64, 3, 7);
      frozenNorm(`${prefix}.bn1`, 64);
      let inputs = 64;
      RESNET18_STAGES.forEach((channels, stage) => {
        for (const block of [0, 1]) {
          const name = `${prefix}.layer${stage + 1}.${block}`;
          convolution(`${name}.conv1`, channels, inputs, 3);
          frozenNorm(`${name}.bn1`, channels);
          convolution(`${name}.conv2`, channels, channels, 3);
          frozenNorm(`${name}.bn2`, channels);
          if (inputs !== channels) {
            convolution(`${name}.downsample`, channels, inputs, 1);
            frozenNorm(`${name}.downsample`, channels);
          }
          inputs = channels;
        }
      });
    } else {
      const biased = (name: string, out: number, inputs: number, kernel: number, initial?: Initial) => {
        convolution(name, out, inputs, kernel, initial);
        add(`${name}.bias`, [out], { value: 0 });
      };
      const { stem, stages } = config.backbone;
      biased(`${prefix}.stem`, stem.channels, 3, stem.kernel);
      let inputs = stem.channels;
      stages.forEach(({ channels, blocks, stride }, stage) => {
        for (let block = 0; block < blocks; block++) {
          const name = `${prefix}.stage${stage + 1}.${block}`;
          biased(`${name}.conv1`, channels, inputs, 3);
          // Blocks start as the identity: without normalisation the variance would grow with depth.
          biased(`${name}.conv2`, channels, channels, 3, { value: 0 });
          if (block === 0 && (inputs !== channels || stride !== 1))
            biased(`${name}.shortcut`, channels, inputs, 1);
          inputs = channels;
        }
      });
    }
  }
  return specs;
}

/** Channels of ResNet18's four stages. */
export const RESNET18_STAGES = [64, 128, 256, 512] as const;

export function backboneChannels(config: ActConfig): number {
  if (config.backbone.kind === 'resnet18') return RESNET18_STAGES[3];
  return config.backbone.stages.at(-1)?.channels ?? config.backbone.stem.channels;
}

/** Name -> shape of every parameter. */
export function parameterShapes(config: ActConfig): Map<string, Shape> {
  return new Map([...parameterSpecs(config)].map(([name, { shape }]) => [name, shape]));
}

/** Random start of ACT. */
export function initialWeights(config: ActConfig, seed: number): Map<string, Weight> {
  return drawWeights(parameterSpecs(config), seed);
}

/** Random start. Each parameter has a stream of its own, so adding one does not change the others. */
export function drawWeights(specs: ReadonlyMap<string, ParameterSpec>, seed: number): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const [name, { shape, initial }] of specs) {
    const random = new RandomStream(seed, name);
    const data = new Float32Array(sizeOf(shape));
    if ('value' in initial) data.fill(initial.value);
    else if ('uniform' in initial)
      data.forEach((_, i) => (data[i] = initial.uniform * (2 * random.uniform() - 1)));
    else data.forEach((_, i) => (data[i] = initial.normal * random.normal()));
    weights.set(name, { shape, data });
  }
  return weights;
}
