/**
 * Writes a policy as the folder that LeRobot's `ACTPolicy.from_pretrained` loads, with the processors that scale its
 * inputs and outputs.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Normalisation } from '../../contract/checkpoint.js';
import { CheckpointError } from '../../contract/errors.js';
import { storing } from '../../contract/systemError.js';
import type { ActConfig } from '../../network/actConfig.js';
import type { Weight } from '../../network/actParameters.js';
import { sinePositions } from '../../network/positionEmbedding.js';
import { encodeSafetensors } from '../../network/safetensors.js';
import { EPSILON, NORMALIZER, PREPROCESSOR } from './lerobotStatistics.js';
import { ACTION, ENVIRONMENT, IMAGES, IMAGE_STATISTICS, STATE } from './lerobotNames.js';
import { BATCH_NORM_EPSILON } from './weightTranslation.js';
import type { StoredPolicy } from './storedPolicy.js';

const MODES = { VISUAL: 'MEAN_STD', STATE: 'MEAN_STD', ENV: 'MEAN_STD', ACTION: 'MEAN_STD' };

/** Throws CheckpointError when LeRobot's ACT cannot express the policy, StorageError when it cannot be written. */
export function exportLerobot(policy: StoredPolicy, folder: string): void {
  requireExpressible(policy);
  const features = featuresOf(policy);
  const statistics = encodeSafetensors(statisticsOf(policy));
  const normalizerFile = 'policy_preprocessor_step_3_normalizer_processor.safetensors';
  const unnormalizerFile = 'policy_postprocessor_step_0_unnormalizer_processor.safetensors';
  const step = (name: string, config: object, file?: string): object => ({
    registry_name: name,
    config,
    ...(file !== undefined && { state_file: file }),
  });
  const device = step('device_processor', { device: 'cpu', float_dtype: null });
  const scaling = (scaled: object): object => ({ eps: EPSILON, features: scaled, norm_map: MODES });
  const files: Record<string, string | Uint8Array> = {
    'config.json': json(configOf(policy.config, features)),
    'model.safetensors': encodeSafetensors(tensorsOf(policy), { format: 'pt' }),
    [PREPROCESSOR]: json({
      name: 'policy_preprocessor',
      steps: [
        step('rename_observations_processor', { rename_map: {} }),
        step('to_batch_processor', {}),
        device,
        step(NORMALIZER, scaling({ ...features.inputs, ...features.outputs }), normalizerFile),
      ],
    }),
    [normalizerFile]: statistics,
    'policy_postprocessor.json': json({
      name: 'policy_postprocessor',
      steps: [step('unnormalizer_processor', scaling(features.outputs), unnormalizerFile), device],
    }),
    [unnormalizerFile]: statistics,
  };
  const temporary = `${folder}.part`;
  storing(folder, () => {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(temporary, name), content);
    renameSync(temporary, folder);
  });
}

const json = (value: object): string => `${JSON.stringify(value, null, 4)}\n`;

function requireExpressible({ config, images }: StoredPolicy): void {
  const reasons = [
    config.backbone.kind !== 'resnet18' && config.cameras.length > 0 && 'its backbone is not ResNet18',
    !config.sharedBackbone && config.cameras.length > 1 && 'each camera has a backbone of its own',
    config.cameraEmbedding && 'it adds a learned vector per camera',
    config.auxiliaryWeight > 0 && 'it was trained with an auxiliary loss',
    images.some(({ region }) => region) && 'it sees regions of interest, which LeRobot does not cut out',
  ].filter((reason) => reason !== false);
  if (reasons.length === 0) return;
  throw new CheckpointError(
    `LeRobot's ACT cannot express this policy: ${reasons.join('; ')}. Export it as alohad's own checkpoint`,
  );
}

interface Features {
  readonly inputs: Record<string, { type: string; shape: number[] }>;
  readonly outputs: Record<string, { type: string; shape: number[] }>;
}

function featuresOf({ config, images }: StoredPolicy): Features {
  return {
    inputs: {
      [STATE]: { type: 'STATE', shape: [config.stateSize] },
      ...(config.environmentStateSize > 0 && {
        [ENVIRONMENT]: { type: 'ENV', shape: [config.environmentStateSize] },
      }),
      ...Object.fromEntries(
        images.map(({ camera, width, height }) => [
          IMAGES + camera,
          { type: 'VISUAL', shape: [3, height, width] },
        ]),
      ),
    },
    outputs: { [ACTION]: { type: 'ACTION', shape: [config.actionSize] } },
  };
}

/** Field names of configuration_act.py. */
function configOf(config: ActConfig, { inputs, outputs }: Features): object {
  return {
    type: 'act',
    n_obs_steps: 1,
    input_features: inputs,
    output_features: outputs,
    device: 'cpu',
    normalization_mapping: MODES,
    chunk_size: config.chunkSize,
    n_action_steps: config.chunkSize,
    vision_backbone: 'resnet18',
    pretrained_backbone_weights: null,
    replace_final_stride_with_dilation: false,
    pre_norm: false,
    dim_model: config.dModel,
    n_heads: config.heads,
    dim_feedforward: config.feedForward,
    feedforward_activation: 'relu',
    n_encoder_layers: config.encoderLayers,
    n_decoder_layers: config.decoderLayers,
    use_vae: config.cvae,
    latent_dim: config.latentSize,
    n_vae_encoder_layers: config.cvaeLayers,
    temporal_ensemble_coeff: null,
    dropout: config.dropout,
    kl_weight: config.klWeight,
  };
}

function statisticsOf({ config, images }: StoredPolicy): Map<string, Weight> {
  const tensors = new Map<string, Weight>();
  const { qpos, action, environmentState } = config.normalisation;
  const add = (feature: string, { mean, std }: Normalisation, shape: number[]): void => {
    tensors.set(`${feature}.mean`, { shape, data: Float32Array.from(mean) });
    tensors.set(`${feature}.std`, { shape, data: Float32Array.from(std) });
  };
  add(STATE, qpos, [config.stateSize]);
  add(ACTION, action, [config.actionSize]);
  if (environmentState) add(ENVIRONMENT, environmentState, [config.environmentStateSize]);
  for (const { camera } of images) add(IMAGES + camera, IMAGE_STATISTICS, [3, 1, 1]);
  return tensors;
}

/** The network's parameters under LeRobot's names. */
function tensorsOf({ config, weights }: StoredPolicy): Map<string, Weight> {
  const tensors = new Map<string, Weight>();
  const take = (ours: string): Weight => {
    const weight = weights.get(ours);
    if (!weight) throw new CheckpointError(`the checkpoint has no weight ${ours}; it is not whole`);
    return weight;
  };
  const tensor = (ours: string, theirs: string, shape?: readonly number[]): void => {
    const weight = take(ours);
    tensors.set(`model.${theirs}`, { shape: shape ?? weight.shape, data: weight.data });
  };
  const layer = (ours: string, theirs: string): void => {
    for (const part of ['weight', 'bias']) tensor(`${ours}.${part}`, `${theirs}.${part}`);
  };
  const attention = (ours: string, theirs: string): void => {
    for (const part of ['weight', 'bias']) {
      const thirds = ['query', 'key', 'value'].map((name) => take(`${ours}.${name}.${part}`));
      const [rows = 0, ...rest] = thirds[0]!.shape;
      const data = new Float32Array(thirds.length * thirds[0]!.data.length);
      thirds.forEach((third, i) => data.set(third.data, i * third.data.length));
      tensors.set(`model.${theirs}.in_proj_${part}`, { shape: [thirds.length * rows, ...rest], data });
    }
    layer(`${ours}.out`, `${theirs}.out_proj`);
  };
  const encoder = (ours: string, theirs: string, layers: number): void => {
    for (let i = 0; i < layers; i++) {
      attention(`${ours}.${i}.attention`, `${theirs}.${i}.self_attn`);
      for (const part of ['linear1', 'linear2', 'norm1', 'norm2'])
        layer(`${ours}.${i}.${part}`, `${theirs}.${i}.${part}`);
    }
  };

  if (config.cameras.length > 0) {
    resnet18(weights, tensors);
    const { shape } = take('image_projection.weight');
    tensor('image_projection.weight', 'encoder_img_feat_input_proj.weight', [...shape, 1, 1]);
    tensor('image_projection.bias', 'encoder_img_feat_input_proj.bias');
  }
  tensor('latent_projection.bias', 'encoder_latent_input_proj.bias');
  layer('state_projection', 'encoder_robot_state_input_proj');
  if (config.environmentStateSize > 0) layer('environment_projection', 'encoder_env_state_input_proj');
  tensor('token_positions', 'encoder_1d_feature_pos_embed.weight');
  encoder('encoder', 'encoder.layers', config.encoderLayers);
  for (let i = 0; i < config.decoderLayers; i++) {
    attention(`decoder.${i}.self_attention`, `decoder.layers.${i}.self_attn`);
    attention(`decoder.${i}.cross_attention`, `decoder.layers.${i}.multihead_attn`);
    for (const part of ['linear1', 'linear2', 'norm1', 'norm2', 'norm3'])
      layer(`decoder.${i}.${part}`, `decoder.layers.${i}.${part}`);
  }
  layer('decoder.norm', 'decoder.norm');
  tensor('queries', 'decoder_pos_embed.weight');
  layer('action_head', 'action_head');
  const latentWeight = 'model.encoder_latent_input_proj.weight';
  if (config.cvae) {
    tensor('latent_projection.weight', 'encoder_latent_input_proj.weight');
    tensor('cvae.class_token', 'vae_encoder_cls_embed.weight');
    layer('cvae.state_projection', 'vae_encoder_robot_state_input_proj');
    layer('cvae.action_projection', 'vae_encoder_action_input_proj');
    encoder('cvae', 'vae_encoder.layers', config.cvaeLayers);
    layer('cvae.latent_projection', 'vae_encoder_latent_output_proj');
    const table = [config.chunkSize + 2, config.dModel] as const;
    tensors.set('model.vae_encoder_pos_enc', { shape: [1, ...table], data: sinePositions(...table) });
  } else {
    // LeRobot has it all the same, and multiplies it by z = 0.
    const shape = [config.dModel, config.latentSize];
    tensors.set(latentWeight, { shape, data: new Float32Array(config.dModel * config.latentSize) });
  }
  return tensors;
}

/** The shared backbone; scale and shift become a batch norm of mean 0 and variance 1. */
function resnet18(weights: StoredPolicy['weights'], tensors: Map<string, Weight>): void {
  const prefix = 'backbone.0.';
  for (const [name, weight] of weights) {
    if (!name.startsWith(prefix)) continue;
    const [, stem = '', part] = /^(.*)\.(weight|scale|shift)$/.exec(name.slice(prefix.length)) ?? [];
    const isShortcut = stem.endsWith('downsample');
    const norm = `model.backbone.${stem}${isShortcut ? '.1' : ''}`;
    if (part === 'weight') tensors.set(`model.backbone.${stem}${isShortcut ? '.0' : ''}.weight`, weight);
    if (part === 'shift') tensors.set(`${norm}.bias`, weight);
    if (part !== 'scale') continue;
    const { shape, data } = weight;
    tensors.set(`${norm}.weight`, weight);
    tensors.set(`${norm}.running_mean`, { shape, data: new Float32Array(data.length) });
    tensors.set(`${norm}.running_var`, {
      shape,
      data: new Float32Array(data.length).fill(1 - BATCH_NORM_EPSILON),
    });
  }
}
