/**
 * Trains ACT by imitation: the objective of the paper on a learner of ACT's parameters, and the validation loss.
 * Given the same state, batches and thread count, steps are bit-equal.
 */
import { actLosses, actValidation } from './act.js';
import { batchFeeds, batchInputs, imageShapes } from './actBatch.js';
import type { ActBatch } from './actBatch.js';
import type { ActConfig } from './actConfig.js';
import { initialWeights, parameterSpecs } from './actParameters.js';
import type { Weight } from './actParameters.js';
import type { AdamWOptions } from './adamw.js';
import type { ParameterGroup } from './flatLayout.js';
import type { Shape } from './graph.js';
import { Learner } from './learner.js';
import type { LearnerState } from './learner.js';
import { Evaluator, Objective } from './objective.js';
import type { ObjectiveStep } from './objective.js';
import type { SessionOptions } from './session.js';

export type { ActBatch } from './actBatch.js';
export type { ParameterGroup } from './flatLayout.js';

export interface ActTrainerOptions extends SessionOptions {
  readonly config: ActConfig;
  readonly batchSize: number;
  /** Seed of the initial weights and of dropout. */
  readonly seed: number;
  readonly groups: readonly ParameterGroup[];
  readonly optimizer: AdamWOptions;
  /** Decay per step of the moving average of the weights; 0 keeps it equal to the weights. */
  readonly emaDecay: number;
  /**
   * Keeps the backbone as it is and takes its feature maps as images: run the model of `buildFeatureModel` once
   * over the data set, and a step no longer pays for the backbone.
   */
  readonly cachedFeatures?: boolean;
  /** A state to go on from, as `state()` gave it; or only `weights/` entries, to fine-tune. */
  readonly state?: LearnerState;
}

export type StepResult = ObjectiveStep<'l1' | 'kl' | 'auxiliary'>;

export class ActTrainer {
  /** Shape of each of a batch's images. */
  readonly imageShapes: readonly Shape[];
  /** The weights and their optimizer, for further objectives. */
  readonly learner: Learner;
  private readonly options: ActTrainerOptions;
  private readonly imitation: Objective<'l1' | 'kl' | 'auxiliary'>;
  private validation: { readonly batchSize: number; readonly evaluator: Evaluator } | undefined;

  private constructor(
    options: ActTrainerOptions,
    learner: Learner,
    imitation: Objective<'l1' | 'kl' | 'auxiliary'>,
  ) {
    this.options = options;
    this.learner = learner;
    this.imitation = imitation;
    this.imageShapes = imageShapes(options.config, options.batchSize, options.cachedFeatures ?? false);
  }

  static async create(options: ActTrainerOptions): Promise<ActTrainer> {
    const { config, batchSize, cachedFeatures = false } = options;
    const learner = new Learner({
      specs: parameterSpecs(config),
      start: initialWeights(config, options.seed),
      frozen: (name) => cachedFeatures && name.startsWith('backbone.'),
      groups: options.groups,
      optimizer: options.optimizer,
      emaDecay: options.emaDecay,
      ...(options.state && { state: options.state }),
    });
    const imitation = await Objective.create(
      learner,
      { ...options, dropout: config.dropout },
      (graph, parameters, dropout) => {
        const { inputs, targets } = batchInputs(graph, config, batchSize, cachedFeatures);
        const { loss, ...reports } = actLosses({ graph, config, parameters, dropout }, inputs, targets);
        return { loss, reports };
      },
    );
    return new ActTrainer(options, learner, imitation);
  }

  /** Steps done so far, the restored ones included. */
  get step(): number {
    return this.learner.step;
  }

  /** One optimizer step per batch. `rateFactors[i]` multiplies the learning rates of step i (1 when not given). */
  async train(batches: readonly ActBatch[], rateFactors: readonly number[] = []): Promise<StepResult[]> {
    const results: StepResult[] = [];
    for (const [i, batch] of batches.entries())
      results.push(await this.trainOn(batch, `dropout at step ${this.step}`, rateFactors[i] ?? 1));
    return results;
  }

  /** One optimizer step, its dropout drawn from the random stream of that name. */
  async trainOn(batch: ActBatch, stream: string, rateFactor = 1): Promise<StepResult> {
    const { config, batchSize, cachedFeatures = false } = this.options;
    return await this.imitation.step(
      batchFeeds(batch, config, batchSize, cachedFeatures),
      stream,
      rateFactor,
    );
  }

  /** L1 in normalised units as served: z = 0 and averaged weights. Any batch size; one size at a time is fast. */
  async validate(batch: ActBatch): Promise<number> {
    const { config, cachedFeatures = false } = this.options;
    const batchSize = batch.qpos.length / config.stateSize;
    if (this.validation?.batchSize !== batchSize) {
      await this.validation?.evaluator.close();
      const evaluator = await Evaluator.create(this.learner, this.options, (graph, parameters) => {
        const { inputs, targets } = batchInputs(graph, config, batchSize, cachedFeatures);
        return { l1: actValidation({ graph, config, parameters }, inputs, targets) };
      });
      this.validation = { batchSize, evaluator };
    }
    // The encoder's noise is not part of it.
    const feeds = batchFeeds(batch, { ...config, cvae: false }, batchSize, cachedFeatures);
    const { l1 } = await this.validation.evaluator.run(feeds, 'average');
    return l1![0]!;
  }

  /** A copy of everything that the next step depends on. */
  state(): Map<string, Weight> {
    return this.learner.state();
  }

  /** The averaged weights by name, frozen ones included: what `buildPolicyModel` serves. */
  averagedWeights(): Map<string, Weight> {
    return this.learner.copyWeights('average');
  }

  async close(): Promise<void> {
    await this.imitation.close();
    await this.validation?.evaluator.close();
  }
}
