/** Hyper-parameters of ACT (Action Chunking with Transformers, Zhao et al. 2023) as this package builds it. */

/** A residual network of the paper's kind: torchvision's ResNet18 with frozen batch normalisation. */
export interface ResNet18Backbone {
  readonly kind: 'resnet18';
}

/**
 * A small residual network without normalisation, for small machines. The stem is one convolution and a ReLU;
 * each stage is `blocks` residual blocks of two 3x3 convolutions, the first of which has the stage's stride.
 */
export interface SmallBackbone {
  readonly kind: 'small';
  /** A kernel equal to its stride cuts the image into patches: the cheapest stem. */
  readonly stem: { readonly kernel: number; readonly stride: number; readonly channels: number };
  readonly stages: readonly { readonly channels: number; readonly blocks: number; readonly stride: number }[];
}

/** Mean and standard deviation per entry; normalised = (x - mean) / std. */
export interface Statistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface ActConfig {
  /** Actions predicted at once (k). */
  readonly chunkSize: number;
  readonly actionSize: number;
  readonly stateSize: number;
  /**
   * Length of environment_state; 0 when unused. It is an input token (state-based ACT) while `auxiliaryWeight`
   * is 0, else only the target of the auxiliary loss, and the served policy does not see it.
   */
  readonly environmentStateSize: number;
  /** Sizes of the images as they enter, regions of interest already cut out; empty for state-based ACT. */
  readonly cameras: readonly { readonly width: number; readonly height: number }[];
  readonly backbone: ResNet18Backbone | SmallBackbone;
  /** One backbone for all cameras (act, LeRobot) or one each (act-plus-plus). */
  readonly sharedBackbone: boolean;
  /** A learned vector per camera added to its position embedding; not in the paper. */
  readonly cameraEmbedding: boolean;
  readonly dModel: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly encoderLayers: number;
  /** The published code builds 7 and uses the first: 1 is its exact equal. */
  readonly decoderLayers: number;
  readonly latentSize: number;
  /** Whether training samples z from the variational encoder; off, z = 0 and the KL loss is 0. */
  readonly cvae: boolean;
  readonly cvaeLayers: number;
  /** Probability of dropping an activation in training. */
  readonly dropout: number;
  readonly klWeight: number;
  /** Weight of the L1 loss of environment_state as read from the encoder's latent token; training only. */
  readonly auxiliaryWeight: number;
  /** Whether the action loss is averaged over all elements (act) or those that are not padding (LeRobot). */
  readonly lossNormalisation: 'all' | 'valid';
  readonly normalisation: {
    readonly qpos: Statistics;
    readonly action: Statistics;
    readonly environmentState?: Statistics;
  };
}

/** The paper's hyper-parameters, for the cameras and statistics given. */
export function paperConfig(
  cameras: ActConfig['cameras'],
  normalisation: ActConfig['normalisation'],
): ActConfig {
  return {
    chunkSize: 100,
    actionSize: 14,
    stateSize: 14,
    environmentStateSize: 0,
    cameras,
    backbone: { kind: 'resnet18' },
    sharedBackbone: true,
    cameraEmbedding: false,
    dModel: 512,
    heads: 8,
    feedForward: 3200,
    encoderLayers: 4,
    decoderLayers: 1,
    latentSize: 32,
    cvae: true,
    cvaeLayers: 4,
    dropout: 0,
    klWeight: 10,
    auxiliaryWeight: 0,
    lossNormalisation: 'valid',
    normalisation,
  };
}

/** Whether environment_state is an input of the served policy. */
export function seesEnvironmentState(config: ActConfig): boolean {
  return config.environmentStateSize > 0 && config.auxiliaryWeight === 0;
}

/** A configuration that cannot be built: the message names the entry and what it must be. */
export class ActConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ActConfigError';
  }
}

/** Throws ActConfigError for the first entry that does not fit the others. */
export function checkConfig(config: ActConfig): void {
  const require = (condition: boolean, message: string) => {
    if (!condition) throw new ActConfigError(`ACT configuration: ${message}`);
  };
  require(config.dModel % config.heads ===
    0, `dModel ${config.dModel} is not a multiple of heads ${config.heads}`);
  require(config.dModel % 4 ===
    0, `dModel ${config.dModel} is not a multiple of 4, as the position embedding needs`);
  for (const name of ['chunkSize', 'encoderLayers', 'decoderLayers', 'latentSize', 'feedForward'] as const)
    require(config[name] >= 1, `${name} is ${config[name]}, must be at least 1`);
  require(config.cameras.length > 0 ||
    seesEnvironmentState(
      config,
    ), 'no cameras and no environment_state input: the policy would be blind; give cameras or environmentStateSize > 0 with auxiliaryWeight 0');
  require(config.auxiliaryWeight === 0 ||
    config.environmentStateSize >
      0, `auxiliaryWeight ${config.auxiliaryWeight} needs environmentStateSize > 0`);
  const { qpos, action, environmentState } = config.normalisation;
  const sizes = [
    ['qpos', qpos, config.stateSize],
    ['action', action, config.actionSize],
    ['environmentState', environmentState, config.environmentStateSize],
  ] as const;
  for (const [name, statistics, size] of sizes) {
    if (size === 0) continue;
    require(statistics !== undefined, `normalisation.${name} is missing`);
    for (const list of [statistics?.mean, statistics?.std])
      require(list?.length === size, `normalisation.${name} has ${list?.length} entries, must have ${size}`);
    require(statistics?.std.every((std) => std > 0) ?? true, `normalisation.${name}.std must be positive`);
  }
}
