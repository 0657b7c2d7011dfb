/**
 * Q(observation, action chunk): what a chunk that is executed from here will be worth, -0.5 failed to +0.5 solved.
 *
 * A CNN per camera and an MLP over all of it, after act's CNNMLP (facts, section 2.2): feature maps are narrowed by
 * three 1x1 convolutions without activation, flattened, and joined with joints, chunk and mask. Several critics are
 * heads of their own on one set of eyes.
 */
import type { ActConfig } from './actConfig.js';
import type { ParameterSpec } from './actParameters.js';
import { actFeatures, normalise } from './act.js';
import { addLinear, backboneSpecs } from './actParameters.js';
import type { Parameters } from './backbone.js';
import { featureShape } from './backbone.js';
import type { Tensor } from './graph.js';
import { imageShape } from './graph.js';
import {
  add,
  concat,
  divide,
  linear,
  matmul,
  mean,
  multiply,
  relu,
  reshape,
  sqrt,
  subtract,
  total,
  transpose,
} from './operators.js';

export interface CriticConfig {
  /** The actor's configuration: cameras, backbone, chunk, normalisation. */
  readonly actor: ActConfig;
  /**
   * `own`: a backbone of the actor's kind that learns to see for itself; `actor`: on the feature maps of the actor's
   * frozen backbone.
   */
  readonly eyes: 'own' | 'actor';
  /** Channels of the 1x1 convolutions over the feature maps; act's are 128, 64, 32. */
  readonly channels: readonly number[];
  /** Widths of the MLP's hidden layers; act's are 1024, 1024. */
  readonly hidden: readonly number[];
  /** Critics. */
  readonly heads: number;
  /** `all`: every action of the chunk; a number: so many coefficients of each joint's cosine transform. */
  readonly actions: 'all' | number;
}

/** Name -> shape and start; all names begin with `critic.`, so that a graph can hold an actor beside it. */
export function criticSpecs(config: CriticConfig): Map<string, ParameterSpec> {
  const { actor } = config;
  const specs = new Map<string, ParameterSpec>();
  if (config.eyes === 'own')
    for (const [name, spec] of backboneSpecs(actor)) specs.set(`critic.${name}`, spec);
  let width = actor.stateSize + actor.chunkSize + actionWidth(config);
  actor.cameras.forEach((camera, index) => {
    let [channels, height, columns] = featureShape(actor, camera);
    config.channels.forEach((narrower, layer) => {
      addLinear(specs, `critic.narrow.${index}.${layer}`, narrower, channels);
      channels = narrower;
    });
    width += channels * height * columns;
  });
  if (actor.cameras.length === 0) width += actor.environmentStateSize;
  for (let head = 0; head < config.heads; head++) {
    let inputs = width;
    for (const [layer, units] of [...config.hidden, 1].entries()) {
      addLinear(specs, `critic.head.${head}.${layer}`, units, inputs);
      inputs = units;
    }
  }
  return specs;
}

export interface CriticInputs {
  /** float32 (batch, stateSize), raw units. */
  readonly qpos: Tensor;
  /** Per camera uint8 (batch, height, width, 3), or with the actor's eyes its float32 feature maps. */
  readonly images: readonly Tensor[];
  /** float32 (batch, n), raw units: what a state-based critic sees in place of images. */
  readonly environmentState?: Tensor;
  /** float32 (batch, k, actionSize), normalised. */
  readonly actions: Tensor;
  /** float32 (batch, k): 1 where the chunk is executed, 0 behind the episode's end. */
  readonly valid: Tensor;
}

/** Q of every head, shape (batch, heads). */
export function criticValues(config: CriticConfig, inputs: CriticInputs, parameters: Parameters): Tensor {
  const { actor } = config;
  const batch = inputs.qpos.shape[0]!;
  const own = (name: string) => parameters(`critic.${name}`);
  const executed = multiply(inputs.actions, reshape(inputs.valid, [...inputs.valid.shape, 1]));
  const parts = [
    ...inputs.images.map((image, index) => {
      const map =
        config.eyes === 'actor'
          ? image
          : actFeatures(
              { graph: image.graph, config: actor, parameters: own },
              image,
              actor.sharedBackbone ? 0 : index,
            );
      const [, channels, height, width] = imageShape(map);
      let x = transpose(reshape(map, [batch, channels, height * width]), [0, 2, 1]);
      config.channels.forEach((_, layer) => (x = dense(x, `narrow.${index}.${layer}`, own)));
      return reshape(x, [batch, x.shape[1]! * x.shape[2]!]);
    }),
    normalise(inputs.qpos, actor.normalisation.qpos),
    describeActions(config, executed),
    inputs.valid,
  ];
  if (inputs.environmentState && actor.cameras.length === 0)
    parts.push(normalise(inputs.environmentState, actor.normalisation.environmentState!));
  const seen = concat(parts, 1);
  const values = Array.from({ length: config.heads }, (_, head) => {
    let x = seen;
    config.hidden.forEach((_width, layer) => (x = relu(dense(x, `head.${head}.${layer}`, own))));
    return dense(x, `head.${head}.${config.hidden.length}`, own);
  });
  return concat(values, 1);
}

/**
 * Mean squared error to the label, over the heads that learn from a sample. `labels` (batch, 1), `weights`
 * (batch, heads): 1 where the head learns from the sample (bootstrap masks).
 */
export function criticLoss(values: Tensor, labels: Tensor, weights: Tensor): Tensor {
  const error = subtract(values, labels);
  return divide(total(multiply(multiply(error, error), weights)), total(weights));
}

/** Keeps the root differentiable where all heads agree. */
const VARIANCE_FLOOR = 1e-6;

/**
 * One value of several heads (batch, 1): their mean by `shares` (heads, 1) minus `beta` (scalar) times their standard
 * deviation. Equal shares are a pessimistic ensemble, a single 1 switches to that head.
 */
export function pessimisticValue(values: Tensor, shares: Tensor, beta: Tensor): Tensor {
  const chosen = matmul(values, shares);
  const spread = subtract(values, mean(values, [1], true));
  const deviation = sqrt(add(mean(multiply(spread, spread), [1], true), values.graph.scalar(VARIANCE_FLOOR)));
  return subtract(chosen, multiply(deviation, beta));
}

function actionWidth({ actor, actions }: CriticConfig): number {
  return actor.actionSize * (actions === 'all' ? actor.chunkSize : actions);
}

/** (batch, k, actionSize) as a flat description (batch, actionWidth). */
function describeActions(config: CriticConfig, executed: Tensor): Tensor {
  const [batch, k, size] = [executed.shape[0]!, executed.shape[1]!, executed.shape[2]!];
  if (config.actions === 'all') return reshape(executed, [batch, k * size]);
  const basis = executed.graph.constant(cosineBasis(k, config.actions), [k, config.actions]);
  const coefficients = matmul(transpose(executed, [0, 2, 1]), basis);
  return reshape(coefficients, [batch, size * config.actions]);
}

/** Orthonormal DCT-II of length k, its first `count` columns, scaled so that a constant 1 gives 1. */
function cosineBasis(k: number, count: number): Float32Array {
  return Float32Array.from({ length: k * count }, (_, i) => {
    const [row, column] = [Math.floor(i / count), i % count];
    return (Math.cos((Math.PI * column * (row + 0.5)) / k) * (column === 0 ? 1 : Math.SQRT2)) / k;
  });
}

function dense(x: Tensor, name: string, parameters: Parameters): Tensor {
  return linear(x, parameters(`${name}.weight`), parameters(`${name}.bias`));
}
