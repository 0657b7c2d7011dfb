/**
 * Imports ACT policies of huggingface/lerobot: a folder with `config.json`, `model.safetensors` and, in newer ones,
 * the processor files that hold the statistics.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { CameraName, ImageRequest } from '../../contract/camera.js';
import type { Normalisation } from '../../contract/checkpoint.js';
import { CheckpointError, UsageError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import type { ActConfig } from '../../network/actConfig.js';
import type { ImportedPolicy } from './importedPolicy.js';
import { readJson, readTensors } from './lerobotFiles.js';
import { ACTION, ENVIRONMENT, IMAGES, IMAGE_STATISTICS, STATE } from './lerobotNames.js';
import { LerobotStatistics, type NormalizationMode } from './lerobotStatistics.js';
import { TensorSource, WeightTranslation } from './weightTranslation.js';

export interface LerobotImportOptions {
  /** This robot's names of the policy's cameras, in the policy's order; its own names when absent. */
  readonly cameras?: readonly CameraName[];
}

const count = z.int().positive();
const scaling = z.enum(['MEAN_STD', 'MIN_MAX', 'QUANTILES', 'QUANTILE10', 'IDENTITY']);
const features = z.record(z.string(), z.looseObject({ type: z.string(), shape: z.array(count) }));

/** What of config.json decides the network; defaults are those of configuration_act.py. */
const configSchema = z.looseObject({
  type: z.literal('act', { error: 'only ACT policies can be imported' }),
  input_features: features,
  output_features: features,
  normalization_mapping: z.record(z.string(), scaling),
  vision_backbone: z.literal('resnet18', { error: 'only resnet18 can be imported' }),
  replace_final_stride_with_dilation: z.union([z.literal(false), z.literal(0)], {
    error: 'dilated backbones cannot be imported',
  }),
  pre_norm: z.literal(false, { error: 'pre-norm transformers cannot be imported' }),
  feedforward_activation: z.literal('relu', { error: 'only relu can be imported' }),
  chunk_size: count,
  dim_model: count,
  n_heads: count,
  dim_feedforward: count,
  n_encoder_layers: count,
  n_decoder_layers: count,
  use_vae: z.boolean(),
  latent_dim: count,
  n_vae_encoder_layers: count,
  dropout: z.number(),
  kl_weight: z.number(),
});
type LerobotConfig = z.infer<typeof configSchema>;

/** Idle in policies without a CVAE, where z is always 0. */
const LATENT_WEIGHT = 'model.encoder_latent_input_proj.weight';

/** Throws CheckpointError, or UsageError when the cameras named are not as many as the policy's. */
export function importLerobotCheckpoint(folder: string, options: LerobotImportOptions = {}): ImportedPolicy {
  const given = readJson(join(folder, 'config.json'), configSchema);
  const path = join(folder, 'model.safetensors');
  const tensors = readTensors(path);
  const statistics = new LerobotStatistics(folder, tensors);
  const cameras = Object.entries(given.input_features).filter(([, { type }]) => type === 'VISUAL');
  for (const [name] of cameras)
    requireImageNet(folder, name, statistics, given.normalization_mapping['VISUAL']);
  const config = configOf(folder, given, cameras, statistics);
  const source = new TensorSource(path, tensors);
  source.drop((name) => LerobotStatistics.isStatistic(name) || name === 'model.vae_encoder_pos_enc');
  if (!config.cvae) source.drop((name) => name === LATENT_WEIGHT);
  return {
    config,
    weights: translate(source, config),
    images: imagesOf(folder, cameras, options.cameras),
    provenance: { importedFrom: folder, format: 'lerobot' },
  };
}

type Feature = readonly [string, { readonly shape: readonly number[] }];

function configOf(
  folder: string,
  given: LerobotConfig,
  cameras: readonly Feature[],
  statistics: LerobotStatistics,
): ActConfig {
  const modes = given.normalization_mapping;
  const stateSize = given.input_features[STATE]?.shape[0];
  const actionSize = given.output_features[ACTION]?.shape[0];
  if (stateSize !== DOF || actionSize !== DOF) {
    throw new CheckpointError(
      `${folder}: the policy reads ${stateSize ?? 'no'} joints (${STATE}) and gives ${actionSize ?? 'no'} actions; ` +
        `two ALOHA arms have ${DOF}: it is of another robot`,
    );
  }
  const environmentStateSize = given.input_features[ENVIRONMENT]?.shape[0] ?? 0;
  const normalise = (feature: string, size: number, mode: NormalizationMode = 'IDENTITY'): Normalisation =>
    statistics.of(feature, size, mode);
  return {
    chunkSize: given.chunk_size,
    actionSize,
    stateSize,
    environmentStateSize,
    cameras: cameras.map(([, { shape }]) => sizeOf(shape)),
    backbone: { kind: 'resnet18' },
    sharedBackbone: true,
    cameraEmbedding: false,
    dModel: given.dim_model,
    heads: given.n_heads,
    feedForward: given.dim_feedforward,
    encoderLayers: given.n_encoder_layers,
    decoderLayers: given.n_decoder_layers,
    latentSize: given.latent_dim,
    cvae: given.use_vae,
    cvaeLayers: given.n_vae_encoder_layers,
    dropout: given.dropout,
    klWeight: given.kl_weight,
    auxiliaryWeight: 0,
    lossNormalisation: 'valid',
    normalisation: {
      qpos: normalise(STATE, stateSize, modes['STATE']),
      action: normalise(ACTION, actionSize, modes['ACTION']),
      ...(environmentStateSize > 0 && {
        environmentState: normalise(ENVIRONMENT, environmentStateSize, modes['ENV']),
      }),
    },
  };
}

/** (channels, height, width) as LeRobot has it. */
function sizeOf([, height = 0, width = 0]: readonly number[]): { width: number; height: number } {
  return { width, height };
}

function imagesOf(
  folder: string,
  cameras: readonly Feature[],
  names?: readonly CameraName[],
): ImageRequest[] {
  if (names && names.length !== cameras.length) {
    throw new UsageError(
      `${folder} was trained with ${cameras.length} cameras (${cameras.map(([name]) => name).join(', ')}), ` +
        `${names.length} were named: ${names.join(', ')}`,
    );
  }
  return cameras.map(([feature, { shape }], i) => ({
    camera: names?.[i] ?? (feature.startsWith(IMAGES) ? feature.slice(IMAGES.length) : feature),
    ...sizeOf(shape),
  }));
}

/** The network normalises images by ImageNet's statistics; a policy trained with others would see other colours. */
function requireImageNet(
  folder: string,
  camera: string,
  statistics: LerobotStatistics,
  mode: NormalizationMode = 'IDENTITY',
): void {
  const { mean, std } = statistics.of(camera, 3, mode);
  const differs = (a: readonly number[], b: readonly number[]): boolean =>
    a.some((x, i) => Math.abs(x - b[i]!) > 1e-6);
  if (differs(mean, IMAGE_STATISTICS.mean) || differs(std, IMAGE_STATISTICS.std)) {
    throw new CheckpointError(
      `${folder} normalises ${camera} with mean ${mean.join(', ')} and deviation ${std.join(', ')}; only ImageNet's ` +
        '(0.485, 0.456, 0.406 and 0.229, 0.224, 0.225) can be imported: train with dataset.use_imagenet_stats=true',
    );
  }
}

function translate(source: TensorSource, config: ActConfig): ImportedPolicy['weights'] {
  const to = new WeightTranslation(source, config);
  if (config.cameras.length > 0) {
    to.resnet18('model.backbone', 'backbone.0');
    to.pointwise('model.encoder_img_feat_input_proj', 'image_projection');
  }
  to.tensor('model.encoder_latent_input_proj.bias', 'latent_projection.bias');
  to.layer('model.encoder_robot_state_input_proj', 'state_projection');
  if (config.environmentStateSize > 0)
    to.layer('model.encoder_env_state_input_proj', 'environment_projection');
  to.tensor('model.encoder_1d_feature_pos_embed.weight', 'token_positions');
  to.encoderLayers('model.encoder.layers', 'encoder', config.encoderLayers);
  to.decoderLayers('model.decoder.layers', config.decoderLayers);
  to.layer('model.decoder.norm', 'decoder.norm');
  to.tensor('model.decoder_pos_embed.weight', 'queries');
  to.layer('model.action_head', 'action_head');
  if (config.cvae) {
    to.tensor(LATENT_WEIGHT, 'latent_projection.weight');
    to.tensor('model.vae_encoder_cls_embed.weight', 'cvae.class_token');
    to.layer('model.vae_encoder_robot_state_input_proj', 'cvae.state_projection');
    to.layer('model.vae_encoder_action_input_proj', 'cvae.action_projection');
    to.encoderLayers('model.vae_encoder.layers', 'cvae', config.cvaeLayers);
    to.layer('model.vae_encoder_latent_output_proj', 'cvae.latent_projection');
  }
  return to.finish();
}
