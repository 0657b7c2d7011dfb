/** What a behaviour-cloning run is made of; the file given to `alohad train --config`. */
import { z } from 'zod';
import { FULL_FRAME } from '../contract/camera.js';
import { UsageError } from '../contract/errors.js';
import { TASKS } from '../contract/task.js';

const count = z.int().positive();
const fraction = z.number().min(0).max(1);

const image = z
  .strictObject({
    camera: z.string().min(1),
    width: count,
    height: count,
    /** Part of the 640x480 frame [px]; all of it by default. */
    region: z
      .strictObject({ x: z.int().min(0), y: z.int().min(0), width: count, height: count })
      .refine((r) => r.x + r.width <= FULL_FRAME.width && r.y + r.height <= FULL_FRAME.height, {
        error: `leaves the ${FULL_FRAME.width} x ${FULL_FRAME.height} frame`,
      })
      .exactOptional(),
  })
  .readonly();

const backbone = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('resnet18') }),
  z.strictObject({
    kind: z.literal('small'),
    stem: z.strictObject({ kernel: count, stride: count, channels: count }),
    stages: z.array(z.strictObject({ channels: count, blocks: count, stride: count })),
  }),
]);

/** Defaults are the ACT paper's (facts: tonyzhaozh/act README and detr/models), but one decoder layer, its exact equal. */
const network = z.strictObject({
  chunkSize: count.default(100),
  backbone: backbone.default({ kind: 'resnet18' }),
  sharedBackbone: z.boolean().default(true),
  cameraEmbedding: z.boolean().default(false),
  dModel: count.default(512),
  heads: count.default(8),
  feedForward: count.default(3200),
  encoderLayers: count.default(4),
  decoderLayers: count.default(1),
  latentSize: count.default(32),
  cvae: z.boolean().default(true),
  cvaeLayers: count.default(4),
  dropout: z.number().min(0).lt(1).default(0),
  klWeight: z.number().min(0).default(10),
  auxiliaryWeight: z.number().min(0).default(0),
  lossNormalisation: z.enum(['all', 'valid']).default('valid'),
});

const trainingConfigSchema = z.strictObject({
  name: z.string().min(1),
  task: z.enum(TASKS),
  /** In the order of the network's inputs; empty for a policy that is told the objects' poses. */
  images: z.array(image).default([]),
  /** Object poses as an input, or with `network.auxiliaryWeight` as a further target. */
  environmentState: z.boolean().default(false),
  network: network.prefault({}),
  batchSize: count.default(8),
  /** Optimizer steps. */
  steps: count,
  /** A chunk may start at every n-th step of an episode; more than 1 saves image memory. */
  startStride: count.default(1),
  learningRate: z
    .strictObject({
      base: z.number().positive().default(1e-5),
      backbone: z.number().min(0).default(1e-5),
      weightDecay: z.number().min(0).default(1e-4),
      /** Steps over which the rate rises from 0. */
      warmUp: z.int().min(0).default(0),
      schedule: z.enum(['constant', 'cosine']).default('constant'),
      /** Share of the rate that the cosine ends at. */
      final: fraction.default(0),
    })
    .prefault({}),
  optimizer: z
    .strictObject({
      beta1: fraction.default(0.9),
      beta2: fraction.default(0.999),
      epsilon: z.number().positive().default(1e-8),
      clipNorm: z.number().positive().exactOptional(),
    })
    .prefault({}),
  /** Decay per step of the averaged weights, which are the ones served; 0: the weights themselves. */
  emaDecay: z.number().min(0).lt(1).default(0),
  seed: z.int().min(0).default(0),
  validation: z
    .strictObject({
      /** Share of the episodes that is held out. */
      fraction: fraction.default(0.1),
      /** Steps between validations. */
      every: count.default(500),
      batches: count.default(8),
    })
    .prefault({}),
  /** Steps between checkpoints, and how many of them are kept. */
  checkpointEvery: count.default(1000),
  keepCheckpoints: count.default(3),
  /** All off by default: the task's tolerance is a few pixels. */
  augmentation: z
    .strictObject({
      /** Largest shift to each side [px of the image as the network sees it]. */
      shift: z.int().min(0).default(0),
      /** Largest change of brightness, as a share of full white. */
      brightness: fraction.default(0),
      /** Largest relative change of contrast. */
      contrast: fraction.default(0),
    })
    .prefault({}),
  loader: z
    .strictObject({
      threads: count.default(1),
      /** Batches made ahead of the optimizer. */
      ahead: count.default(4),
      /** Memory for images that are used again [MB]. */
      cacheMegabytes: z.number().min(0).default(512),
    })
    .prefault({}),
});

/** As written in a file, defaults left out. */
export type TrainingConfigInput = z.input<typeof trainingConfigSchema>;
export type TrainingConfig = z.infer<typeof trainingConfigSchema>;

/** Checks a configuration and fills in defaults. Throws UsageError that names each bad entry. */
export function parseTrainingConfig(input: unknown, source = 'the training configuration'): TrainingConfig {
  const parsed = trainingConfigSchema.safeParse(input);
  if (!parsed.success) throw new UsageError(`${source} cannot be used:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** The factor on all learning rates at step `step` (0 for the first). */
export function rateFactor(config: TrainingConfig, step: number): number {
  const { warmUp, schedule, final } = config.learningRate;
  const rise = Math.min(1, (step + 1) / (warmUp + 1));
  if (schedule === 'constant') return rise;
  const progress = Math.min(1, Math.max(0, (step - warmUp) / Math.max(1, config.steps - warmUp)));
  return rise * (final + (1 - final) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
