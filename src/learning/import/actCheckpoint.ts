/**
 * Imports policies trained by tonyzhaozh/act and MarkFzp/act-plus-plus: `policy_best.ckpt` (or any other of their
 * `.ckpt` files) with the `dataset_stats.pkl` beside it.
 *
 * What the files do not say is the caller's: camera names, image size, number of heads.
 */
import { FULL_FRAME, type CameraName } from '../../contract/camera.js';
import type { Normalisation } from '../../contract/checkpoint.js';
import { CheckpointError, UsageError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import type { ActConfig } from '../../network/actConfig.js';
import { readDatasetStatistics } from './datasetStatistics.js';
import type { ImportedPolicy } from './importedPolicy.js';
import { readTorchFile, type Tensor } from './torchFile.js';
import { TensorSource, WeightTranslation } from './weightTranslation.js';

export interface ActImportOptions {
  /** Cameras in the order of training; the file does not name them. */
  readonly cameras: readonly CameraName[];
  /** Size of each image [px]; 640 x 480 by default, as ALOHA's cameras and simulation give it. */
  readonly imageSize?: { readonly width: number; readonly height: number };
  /** Attention heads; 8 by default; source: act imitate_episodes.py (nheads). */
  readonly heads?: number;
  /**
   * Decoder layers to use; 1 by default. The published code builds 7 and reads the output of the first
   * (detr_vae.py, `[0]`), so that the other 6 never learn. Give 7 for a policy trained with that repaired.
   */
  readonly decoderLayers?: number;
}

const PREFIX = 'model.';
const DECODER_LAYERS = `${PREFIX}transformer.decoder.layers.`;
/** Not parameters of the policy: a fixed table, and a head that is in no loss. */
const UNUSED = [`${PREFIX}pos_table`, `${PREFIX}is_pad_head.weight`, `${PREFIX}is_pad_head.bias`];
/** Present but idle in act-plus-plus's policies without a CVAE encoder (`--no_encoder`), where z is always 0. */
const IDLE_WITHOUT_ENCODER = [
  'cls_embed.',
  'encoder_action_proj.',
  'encoder_joint_proj.',
  'latent_proj.',
  'latent_out_proj.weight',
];

/** Throws CheckpointError, or UsageError when the cameras do not fit. */
export function importActCheckpoint(
  paths: { readonly checkpoint: string; readonly statistics: string },
  options: ActImportOptions,
): ImportedPolicy {
  const decoderLayers = options.decoderLayers ?? 1;
  const isIdleDecoder = (name: string): boolean =>
    name.startsWith(DECODER_LAYERS) && Number.parseInt(name.slice(DECODER_LAYERS.length)) >= decoderLayers;
  const tensors = readTorchFile(paths.checkpoint, (name) => !isIdleDecoder(name) && !UNUSED.includes(name));
  const statistics = readDatasetStatistics(paths.statistics);
  const dropped = keepArmActions(tensors);

  const source = new TensorSource(paths.checkpoint, tensors);
  const config = configOf(source, statistics, options, decoderLayers);
  if (!config.cvae)
    source.drop((name) => IDLE_WITHOUT_ENCODER.some((idle) => name.startsWith(PREFIX + idle)));

  const { width, height } = options.imageSize ?? FULL_FRAME;
  return {
    config,
    weights: translate(source, config),
    images: options.cameras.map((camera) => ({ camera, width, height })),
    provenance: {
      importedFrom: paths.checkpoint,
      format: config.sharedBackbone ? 'act' : 'act-plus-plus',
      ...(dropped > 0 && { droppedActions: `${dropped} after the arms' ${DOF} (mobile base)` }),
    },
  };
}

/**
 * act-plus-plus predicts 16 actions, the last two of them velocities of a mobile base, zero for standing robots.
 * Cuts the tensors to the arms' and returns how many actions were dropped.
 */
function keepArmActions(tensors: Map<string, Tensor>): number {
  const dropped = (tensors.get(`${PREFIX}action_head.bias`)?.shape[0] ?? DOF) - DOF;
  if (dropped <= 0) return 0;
  for (const name of ['action_head.weight', 'action_head.bias', 'encoder_action_proj.weight']) {
    const tensor = tensors.get(PREFIX + name);
    if (!tensor) continue;
    const [rows = 0, ...rest] = tensor.shape;
    const columns = rest.reduce((product, n) => product * n, 1);
    // The head gives one action per row, the CVAE's projection takes one per column.
    const kept =
      name === 'encoder_action_proj.weight'
        ? { shape: [rows, DOF], data: tensor.data.filter((_, i) => i % columns < DOF) }
        : { shape: [DOF, ...rest], data: tensor.data.slice(0, DOF * columns) };
    tensors.set(PREFIX + name, kept);
  }
  return dropped;
}

function configOf(
  source: TensorSource,
  statistics: { readonly qpos: Normalisation; readonly action: Normalisation },
  options: ActImportOptions,
  decoderLayers: number,
): ActConfig {
  const shape = (name: string, rank: number): number[] => [...source.shapeOf(PREFIX + name, rank)];
  const [chunkSize = 0, dModel = 0] = shape('query_embed.weight', 2);
  const [, latentSize = 0] = shape('latent_out_proj.weight', 2);
  const [latentRows] = shape('latent_proj.weight', 2);
  const [, stateSize] = shape('input_proj_robot_state.weight', 2);
  const [feedForward = 0] = shape('transformer.encoder.layers.0.linear1.weight', 2);
  if (latentRows !== 2 * latentSize) {
    throw new CheckpointError(
      `${source.path}: latent_proj gives ${latentRows} numbers for a latent of ${latentSize}: this is a policy with a ` +
        'vector-quantised latent (--use_vq), which needs a second model and cannot be imported',
    );
  }
  if (stateSize !== DOF) {
    throw new CheckpointError(`${source.path}: the policy reads ${stateSize} joints; ALOHA has ${DOF}`);
  }
  const backbones = source.count(`${PREFIX}backbones.`);
  const cameras = options.cameras.length;
  if (cameras === 0 || (backbones > 1 && backbones !== cameras)) {
    throw new UsageError(
      `${source.path} has ${backbones} image backbone${backbones === 1 ? ', shared by all its cameras' : 's'}, and ` +
        `${cameras} cameras were named. Name those that it was trained with, in that order: --cameras top or ` +
        '--cameras cam_high,cam_low,cam_left_wrist,cam_right_wrist',
    );
  }
  const present = source.count(DECODER_LAYERS);
  if (present < decoderLayers) {
    throw new UsageError(`${source.path} has ${present} decoder layers, ${decoderLayers} were asked for`);
  }
  const cvaeLayers = source.count(`${PREFIX}encoder.layers.`);
  const { width, height } = options.imageSize ?? FULL_FRAME;
  return {
    chunkSize,
    actionSize: DOF,
    stateSize,
    environmentStateSize: 0,
    cameras: options.cameras.map(() => ({ width, height })),
    backbone: { kind: 'resnet18' },
    // Of one camera's two repositories look the same, and so do their networks.
    sharedBackbone: backbones === 1,
    cameraEmbedding: false,
    dModel,
    heads: options.heads ?? 8,
    feedForward,
    encoderLayers: source.count(`${PREFIX}transformer.encoder.layers.`),
    decoderLayers,
    latentSize,
    cvae: cvaeLayers > 0,
    cvaeLayers,
    dropout: 0.1, // act detr/main.py
    klWeight: 10, // act README.md
    auxiliaryWeight: 0,
    lossNormalisation: 'all',
    normalisation: {
      qpos: forArms(statistics.qpos),
      action: forArms(statistics.action),
    },
  };

  function forArms({ mean, std }: Normalisation): Normalisation {
    if (mean.length < DOF || std.length < DOF || std.some((value) => value <= 0)) {
      throw new CheckpointError(
        `the statistics hold ${mean.length} means and ${std.length} deviations (smallest ${Math.min(...std)}), ` +
          `${DOF} and positive are needed: take the dataset_stats.pkl of the run that trained ${source.path}`,
      );
    }
    return { mean: mean.slice(0, DOF), std: std.slice(0, DOF) };
  }
}

function translate(source: TensorSource, config: ActConfig): ImportedPolicy['weights'] {
  const to = new WeightTranslation(source, config);
  const theirs = (name: string): string => PREFIX + name;
  const backbones = config.sharedBackbone ? 1 : config.cameras.length;
  for (let i = 0; i < backbones; i++) to.resnet18(theirs(`backbones.${i}.0.body`), `backbone.${i}`);
  to.pointwise(theirs('input_proj'), 'image_projection');
  to.tensor(theirs('latent_out_proj.bias'), 'latent_projection.bias');
  to.layer(theirs('input_proj_robot_state'), 'state_projection');
  to.tensor(theirs('additional_pos_embed.weight'), 'token_positions');
  to.encoderLayers(theirs('transformer.encoder.layers'), 'encoder', config.encoderLayers);
  to.decoderLayers(theirs('transformer.decoder.layers'), config.decoderLayers);
  to.layer(theirs('transformer.decoder.norm'), 'decoder.norm');
  to.tensor(theirs('query_embed.weight'), 'queries');
  to.layer(theirs('action_head'), 'action_head');
  if (config.cvae) {
    to.tensor(theirs('latent_out_proj.weight'), 'latent_projection.weight');
    to.tensor(theirs('cls_embed.weight'), 'cvae.class_token');
    to.layer(theirs('encoder_joint_proj'), 'cvae.state_projection');
    to.layer(theirs('encoder_action_proj'), 'cvae.action_projection');
    to.encoderLayers(theirs('encoder.layers'), 'cvae', config.cvaeLayers);
    to.layer(theirs('latent_proj'), 'cvae.latent_projection');
  }
  return to.finish();
}
