/** What a fine-tuning run is made of; the file given to `alohad finetune --config`. */
import { z } from 'zod';
import { UsageError } from '../../contract/errors.js';

const count = z.int().positive();
const fraction = z.number().min(0).max(1);

const finetuneConfigSchema = z.strictObject({
  name: z.string().min(1).default('finetuned'),
  /**
   * `none`: cloning alone, the control; `surrogate`: algorithm 1; `chunk-critic`: algorithm 2; `self-imitation`:
   * successes alone, with branches where a simulator can.
   */
  algorithm: z.enum(['none', 'surrogate', 'chunk-critic', 'self-imitation']).default('chunk-critic'),
  rollouts: count.default(1000),
  seed: z.int().min(0).default(1),
  /** Roll-outs played with one version of the weights; 1 as published, more let worlds play side by side. */
  rolloutsPerUpdate: count.default(1),
  /** Weights that act and are served: those that training moves, or their moving average. */
  actWith: z.enum(['weights', 'average']).default('average'),
  /** `frozen`: the backbone stays, its feature maps are cached: a step costs a fraction. */
  backbone: z.enum(['frozen', 'trained']).default('frozen'),
  /**
   * Step that the chunk to be improved starts at: the one in which the insertion is tried. 300 in the report's
   * demonstrations, 200 in ours, which are faster.
   */
  lastChunk: z.int().min(0).default(300),
  /** Samples of an actor step; the report is silent, 8 as in cloning. */
  batchSize: count.default(8),
  learningRate: z
    .strictObject({
      base: z.number().positive().default(3e-5),
      backbone: z.number().min(0).default(1e-5),
      weightDecay: z.number().min(0).default(1e-4),
    })
    .prefault({}),
  clipNorm: z.number().positive().default(1),
  emaDecay: z.number().min(0).lt(1).default(0.998),
  /** Probability of dropping an activation while learning; the start policy's own when absent. */
  dropout: z.number().min(0).lt(1).exactOptional(),
  /** z of chunks that were played: the CVAE encoder's, or 0 as served. */
  latent: z.enum(['posterior', 'prior']).default('posterior'),
  /** Cloning of the demonstrations between roll-outs. */
  imitation: z.strictObject({ every: count.default(10), steps: z.int().min(0).default(50) }).prefault({}),
  surrogate: z
    .strictObject({ capacity: count.default(1000), hinge: z.number().positive().exactOptional() })
    .prefault({}),
  critic: z
    .strictObject({
      mode: z.enum(['conservative', 'free']).default('conservative'),
      batchSize: count.multipleOf(2).default(16),
      farmed: count.default(3),
      criticSteps: count.default(4),
      actorSteps: count.default(4),
      gamma: z.number().min(0).default(0.005),
      warmUp: count.default(200),
      capacity: count.default(4000),
      maxActorLag: count.exactOptional(),
      /** `own` eyes need a trained backbone's images; `actor`: the actor's frozen feature maps. */
      eyes: z.enum(['own', 'actor']).default('actor'),
      channels: z.array(count).default([64, 32]),
      hidden: z.array(count).default([512, 512]),
      actions: z.union([z.literal('all'), count]).default('all'),
      learningRate: z.number().positive().default(1e-4),
      /** More than 1: an ensemble. */
      heads: count.default(1),
      use: z.enum(['pessimistic', 'switched']).default('pessimistic'),
      beta: z.number().min(0).default(1),
      bootstrap: fraction.default(0.8),
    })
    .prefault({}),
  selfImitation: z
    .strictObject({
      farmed: count.default(3),
      actorSteps: count.default(4),
      capacity: count.default(4000),
      /** Most offsets tried where an episode failed; 0: none. Each counts as a quarter of a roll-out. */
      branches: z.int().min(0).default(12),
      /** Standard deviation of an offset, per axis [m]. */
      offsetM: z.number().positive().default(0.007),
      /** Share of a batch that is drawn from corrections. */
      corrections: fraction.default(0.5),
      /** `last`: only failures of the last chunk are branched; `any`: those of earlier ones too. */
      failures: z.enum(['last', 'any']).default('any'),
      /** Successes are branched too, and imitated in the middle of what succeeds. */
      centre: z.boolean().default(false),
    })
    .prefault({}),
  /** Cloning and reinforcement follow success and the critic's error. */
  stabilise: z.boolean().default(false),
  /** Copies of the actor that branch off every 50 roll-outs, learn a little on their own and take turns to collect. */
  explorers: z.strictObject({ count: z.int().min(0).default(0), steps: count.default(20) }).prefault({}),
  /** Episodes farmed before the first roll-out. */
  prior: z
    .strictObject({ demonstrations: z.boolean().default(true), folders: z.array(z.string()).default([]) })
    .prefault({}),
  evaluation: z
    .strictObject({
      /** Roll-outs between evaluations; there is one before the first roll-out and one after the last. */
      every: count.default(250),
      episodes: count.max(250).default(100),
    })
    .prefault({}),
  diagnostics: z
    .strictObject({
      /** Roll-outs between looks at drift and validation loss. */
      every: count.default(10),
      /**
       * Demonstrations that are not learned from: those behind `--count` if there are any, or else the last ones, at
       * most every tenth.
       */
      heldOut: z.int().min(0).default(4),
    })
    .prefault({}),
  /** Roll-outs between checkpoints. */
  checkpointEvery: count.default(50),
  /** Memory for samples, and disk in the run folder for those that do not fit [MB]. */
  cacheMegabytes: z.number().min(0).default(1000),
  diskCacheMegabytes: z.number().min(0).default(8000),
});

export type FinetuneConfig = z.infer<typeof finetuneConfigSchema>;

/** Checks a configuration and fills in defaults. Throws UsageError that names each bad entry. */
export function parseFinetuneConfig(
  input: unknown,
  source = 'the fine-tuning configuration',
): FinetuneConfig {
  const parsed = finetuneConfigSchema.safeParse(input);
  if (!parsed.success) throw new UsageError(`${source} cannot be used:\n${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  if (config.algorithm === 'chunk-critic' && config.critic.eyes === 'own' && config.backbone === 'frozen') {
    throw new UsageError(
      `${source} cannot be used: critic.eyes 'own' needs images, a frozen backbone gives feature maps; ` +
        'set backbone: trained, or critic.eyes: actor',
    );
  }
  return config;
}
