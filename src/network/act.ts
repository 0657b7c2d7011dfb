/**
 * ACT as a graph: images and joints in, a chunk of actions out; with the CVAE encoder and losses for training.
 *
 * The same function builds the training graph and the served policy, so that they cannot differ.
 */
import type { ActConfig, Statistics } from './actConfig.js';
import { seesEnvironmentState } from './actConfig.js';
import { resnet18, smallBackbone } from './backbone.js';
import type { Parameters } from './backbone.js';
import { formatShape, GraphError, imageShape, sizeOf } from './graph.js';
import type { Graph, Tensor } from './graph.js';
import {
  absolute,
  add,
  broadcastTo,
  cast,
  concat,
  divide,
  exp,
  linear,
  multiply,
  reshape,
  scale,
  slice,
  subtract,
  total,
  transpose,
} from './operators.js';
import { sinePositions, sinePositions2d } from './positionEmbedding.js';
import { decoderLayer, encoderLayer, norm } from './transformer.js';
import type { LayerOptions } from './transformer.js';

/** ImageNet statistics of RGB in [0, 1]; source: act policy.py. */
const IMAGE_MEAN = [0.485, 0.456, 0.406];
const IMAGE_STD = [0.229, 0.224, 0.225];

/** Added to the score of a padded action: its weight after the softmax is exactly 0. */
const MASKED = -1e9;

export interface ActInputs {
  /** float32 (batch, stateSize), raw units. */
  readonly qpos: Tensor;
  /** Per camera: uint8 (batch, height, width, 3) RGB, or float32 (batch, channels, height, width) feature maps. */
  readonly images: readonly Tensor[];
  /** float32 (batch, environmentStateSize), raw units. */
  readonly environmentState?: Tensor;
}

export interface ActTargets {
  /** float32 (batch, k, actionSize), raw units. */
  readonly actions: Tensor;
  /** uint8 (batch, k): 1 where the chunk runs past the episode's end. */
  readonly isPad: Tensor;
  /** float32 (batch, latentSize), standard normal. */
  readonly noise: Tensor;
}

export interface ActLosses {
  readonly loss: Tensor;
  readonly l1: Tensor;
  readonly kl: Tensor;
  readonly auxiliary: Tensor;
}

export interface Act {
  readonly graph: Graph;
  readonly config: ActConfig;
  readonly parameters: Parameters;
  /** Drops activations; left out when serving. */
  readonly dropout?: (x: Tensor) => Tensor;
}

/** The served policy: de-normalised actions (batch, k, actionSize) with z = 0. */
export function actPolicy(act: Act, inputs: ActInputs): Tensor {
  const { actions } = predict(act, inputs, undefined);
  return denormalise(actions, act.config.normalisation.action);
}

/** Mean absolute error in normalised units with z = 0, averaged as the configuration says. */
export function actValidation(act: Act, inputs: ActInputs, targets: Omit<ActTargets, 'noise'>): Tensor {
  return actionLoss(act.config, predict(act, inputs, undefined).actions, targets);
}

/** The training losses; z is drawn from the CVAE encoder when the configuration has one. */
export function actLosses(act: Act, inputs: ActInputs, targets: ActTargets): ActLosses {
  const { graph, config, parameters } = act;
  const zero = graph.scalar(0);
  const posterior = config.cvae ? encodeActions(act, inputs, targets) : undefined;
  const { actions, summary } = predict(act, inputs, posterior?.latent);
  const l1 = actionLoss(config, actions, targets);
  const kl = posterior?.kl ?? zero;
  let auxiliary = zero;
  if (config.auxiliaryWeight > 0) {
    const { environmentState } = inputs;
    if (!environmentState) throw new GraphError('the auxiliary loss needs environment_state as its target');
    const guess = linear(summary, parameters('auxiliary_head.weight'), parameters('auxiliary_head.bias'));
    const truth = normalise(environmentState, config.normalisation.environmentState!);
    const error = absolute(subtract(guess, truth));
    auxiliary = scale(total(error), 1 / (guess.shape[0]! * guess.shape[1]!));
  }
  let loss = l1;
  if (config.cvae) loss = add(loss, scale(kl, config.klWeight));
  if (config.auxiliaryWeight > 0) loss = add(loss, scale(auxiliary, config.auxiliaryWeight));
  return { loss, l1, kl, auxiliary };
}

/** Normalised actions with z = `latent` (0 when undefined), and the encoder's output for the latent token (batch, d). */
export function predict(
  act: Act,
  inputs: ActInputs,
  latent: Tensor | undefined,
): { actions: Tensor; summary: Tensor } {
  const { graph, config, parameters } = act;
  const batch = inputs.qpos.shape[0]!;
  const d = config.dModel;
  const layer = layerOptions(act);
  const project = (x: Tensor, name: string) =>
    linear(x, parameters(`${name}.weight`), parameters(`${name}.bias`));
  const token = (x: Tensor) => reshape(x, [batch, 1, d]);

  const latentToken = latent
    ? project(latent, 'latent_projection')
    : broadcastTo(parameters('latent_projection.bias'), [batch, d]); // z = 0
  const tokens = [
    token(latentToken),
    token(project(normalise(inputs.qpos, config.normalisation.qpos), 'state_projection')),
  ];
  if (seesEnvironmentState(config)) {
    const { environmentState } = inputs;
    if (!environmentState) throw new GraphError('this configuration needs environment_state as an input');
    const normalised = normalise(environmentState, config.normalisation.environmentState!);
    tokens.push(token(project(normalised, 'environment_projection')));
  }
  const positions = [parameters('token_positions')];
  imageTokens(act, inputs.images).forEach(({ features, height, width }, camera) => {
    tokens.push(project(features, 'image_projection'));
    const table = graph.constant(sinePositions2d(height, width, d), [height * width, d]);
    positions.push(
      config.cameraEmbedding
        ? add(table, slice(parameters('camera_embedding'), 0, camera, camera + 1))
        : table,
    );
  });

  let memory = concat(tokens, 1);
  const memoryPositions = concat(positions, 0);
  for (let i = 0; i < config.encoderLayers; i++)
    memory = encoderLayer(memory, memoryPositions, undefined, `encoder.${i}`, parameters, layer);

  const queries = parameters('queries');
  const placedMemory = add(memory, memoryPositions);
  // Nothing that differs between samples enters before the first cross-attention, unless dropout does: until
  // there one row serves all.
  const rows = act.dropout && config.dropout > 0 ? batch : 1;
  let decoded = broadcastTo(graph.scalar(0), [rows, config.chunkSize, d]);
  for (let i = 0; i < config.decoderLayers; i++)
    decoded = decoderLayer(decoded, queries, memory, placedMemory, `decoder.${i}`, parameters, layer);
  const actions = project(norm(decoded, 'decoder.norm', parameters), 'action_head');
  return { actions, summary: reshape(slice(memory, 1, 0, 1), [batch, d]) };
}

interface ImageTokens {
  /** Shape (batch, height * width, channels), row by row. */
  readonly features: Tensor;
  readonly height: number;
  readonly width: number;
}

/** Features of every camera. Images of one size that share the backbone go through it as one batch. */
function imageTokens(act: Act, images: readonly Tensor[]): ImageTokens[] {
  const [first] = images;
  if (!first) return [];
  const { sharedBackbone } = act.config;
  const together =
    sharedBackbone && images.every((image) => formatShape(image.shape) === formatShape(first.shape));
  const groups = together ? [images] : images.map((image) => [image]);
  return groups.flatMap((group, index) => {
    const x = concat(group, 0);
    const map = x.type === 'float32' ? x : actFeatures(act, x, sharedBackbone ? 0 : index);
    const [all, channels, height, width] = imageShape(map);
    const features = transpose(reshape(map, [all, channels, height * width]), [0, 2, 1]);
    const batch = all / group.length;
    return group.map((_, i) => ({ features: slice(features, 0, i * batch, (i + 1) * batch), height, width }));
  });
}

/** The feature map of uint8 images, from the backbone of that index. */
export function actFeatures({ config, parameters }: Act, images: Tensor, index: number): Tensor {
  const x = normaliseImages(images);
  return config.backbone.kind === 'resnet18'
    ? resnet18(x, `backbone.${index}`, parameters)
    : smallBackbone(x, config.backbone, `backbone.${index}`, parameters);
}

/** uint8 (batch, height, width, 3) to float (batch, 3, height, width): (x / 255 - mean) / std. */
function normaliseImages(images: Tensor): Tensor {
  const { graph } = images;
  const [batch, height, width, channels] = imageShape(images);
  // Factors for a whole row of pixels: broadcasting three numbers at a time is slow.
  const row = width * channels;
  const repeated = (value: (channel: number) => number) =>
    graph.constant(
      Float32Array.from({ length: row }, (_, i) => value(i % channels)),
      [row],
    );
  const rows = reshape(cast(images, 'float32'), [batch, height, row]);
  const scaled = multiply(
    rows,
    repeated((c) => 1 / (255 * IMAGE_STD[c]!)),
  );
  const normalised = add(
    scaled,
    repeated((c) => -IMAGE_MEAN[c]! / IMAGE_STD[c]!),
  );
  return transpose(reshape(normalised, [batch, height, width, channels]), [0, 3, 1, 2]);
}

/** The CVAE encoder: a latent drawn from q(z | qpos, actions), and the KL divergence from the prior. */
export function encodeActions(
  act: Act,
  inputs: ActInputs,
  targets: ActTargets,
): { latent: Tensor; kl: Tensor } {
  const { graph, config, parameters } = act;
  const { chunkSize: k, dModel: d, latentSize } = config;
  const batch = inputs.qpos.shape[0]!;
  const project = (x: Tensor, name: string) =>
    linear(x, parameters(`cvae.${name}.weight`), parameters(`cvae.${name}.bias`));
  const state = project(normalise(inputs.qpos, config.normalisation.qpos), 'state_projection');
  const actions = project(normalise(targets.actions, config.normalisation.action), 'action_projection');
  const classToken = broadcastTo(parameters('cvae.class_token'), [batch, d]);
  let tokens = concat([reshape(classToken, [batch, 1, d]), reshape(state, [batch, 1, d]), actions], 1);
  const positions = graph.constant(sinePositions(k + 2, d), [k + 2, d]);
  const seen = graph.constant(new Float32Array(batch * 2), [batch, 2]);
  const padded = scale(cast(targets.isPad, 'float32'), MASKED);
  const mask = reshape(concat([seen, padded], 1), [batch, 1, 1, k + 2]);
  for (let i = 0; i < config.cvaeLayers; i++)
    tokens = encoderLayer(tokens, positions, mask, `cvae.${i}`, parameters, layerOptions(act));
  const summary = reshape(slice(tokens, 1, 0, 1), [batch, d]);
  const statistics = project(summary, 'latent_projection');
  const mu = slice(statistics, 1, 0, latentSize);
  const logVariance = slice(statistics, 1, latentSize, 2 * latentSize);
  const latent = add(mu, multiply(exp(scale(logVariance, 0.5)), targets.noise));
  const terms = subtract(add(multiply(mu, mu), exp(logVariance)), add(logVariance, graph.scalar(1)));
  return { latent, kl: scale(total(terms), 0.5 / batch) };
}

function actionLoss(config: ActConfig, predicted: Tensor, targets: Omit<ActTargets, 'noise'>): Tensor {
  const { graph } = predicted;
  const truth = normalise(targets.actions, config.normalisation.action);
  const valid = subtract(graph.scalar(1), cast(targets.isPad, 'float32'));
  const errors = multiply(absolute(subtract(predicted, truth)), reshape(valid, [...valid.shape, 1]));
  if (config.lossNormalisation === 'all') return scale(total(errors), 1 / sizeOf(predicted.shape));
  return divide(total(errors), scale(total(valid), config.actionSize));
}

function layerOptions({ config, dropout }: Act): LayerOptions {
  return { heads: config.heads, dropout: dropout ?? ((x) => x) };
}

/** (x - mean) / std over the last axis. */
export function normalise(x: Tensor, { mean, std }: Statistics): Tensor {
  const center = x.graph.constant(Float32Array.from(mean), [mean.length]);
  const inverse = x.graph.constant(
    Float32Array.from(std, (value) => 1 / value),
    [std.length],
  );
  return multiply(subtract(x, center), inverse);
}

function denormalise(x: Tensor, { mean, std }: Statistics): Tensor {
  const center = x.graph.constant(Float32Array.from(mean), [mean.length]);
  return add(multiply(x, x.graph.constant(Float32Array.from(std), [std.length])), center);
}
