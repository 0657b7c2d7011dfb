/** Trains the critics: squared error to the known label, no bootstrapping, no target network. */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { normalise } from './act.js';
import { batchFeeds, batchInputs } from './actBatch.js';
import type { ActBatch } from './actBatch.js';
import { drawWeights } from './actParameters.js';
import type { Weight } from './actParameters.js';
import type { AdamWOptions } from './adamw.js';
import type { CriticConfig, CriticInputs } from './critic.js';
import { criticLoss, criticSpecs, criticValues } from './critic.js';
import type { ParameterGroup } from './flatLayout.js';
import type { Graph } from './graph.js';
import { Learner } from './learner.js';
import type { LearnerState } from './learner.js';
import { Evaluator, Objective } from './objective.js';
import { cast, subtract } from './operators.js';
import type { SessionOptions } from './session.js';

export interface CriticTrainerOptions extends SessionOptions {
  readonly config: CriticConfig;
  readonly batchSize: number;
  readonly seed: number;
  readonly groups: readonly ParameterGroup[];
  readonly optimizer: AdamWOptions;
  readonly state?: LearnerState;
}

export class CriticTrainer {
  readonly learner: Learner;
  private readonly options: CriticTrainerOptions;
  private readonly regression: Objective<never>;
  private readonly judges = new Map<number, Evaluator>();

  private constructor(options: CriticTrainerOptions, learner: Learner, regression: Objective<never>) {
    this.options = options;
    this.learner = learner;
    this.regression = regression;
  }

  static async create(options: CriticTrainerOptions): Promise<CriticTrainer> {
    const { config, batchSize, seed } = options;
    const specs = criticSpecs(config);
    const learner = new Learner({
      specs,
      start: drawWeights(specs, seed),
      groups: options.groups,
      optimizer: options.optimizer,
      emaDecay: 0,
      ...(options.state && { state: options.state }),
    });
    const regression = await Objective.create(learner, { ...options, dropout: 0 }, (graph, parameters) => {
      const values = criticValues(config, executedInputs(graph, config, batchSize), parameters);
      const labels = graph.input('labels', [batchSize, 1]);
      const weights = graph.input('head_weights', [batchSize, config.heads]);
      return { loss: criticLoss(values, labels, weights), reports: {} };
    });
    return new CriticTrainer(options, learner, regression);
  }

  /** One step. `labels` (B,): +-0.5; `headWeights` (B, heads): 1 where a head learns from a sample. Returns the loss. */
  async train(batch: ActBatch, labels: Float32Array, headWeights: Float32Array): Promise<number> {
    const { config, batchSize } = this.options;
    const { loss } = await this.regression.step(
      {
        ...executedFeeds(batch, config, batchSize),
        labels: new OrtTensor('float32', labels, [batchSize, 1]),
        head_weights: new OrtTensor('float32', headWeights, [batchSize, config.heads]),
      },
      '', // No dropout.
    );
    return loss;
  }

  /** Q of the executed chunks, shape (B, heads). */
  async judge(batch: ActBatch): Promise<Float32Array> {
    const { config } = this.options;
    const size = batch.qpos.length / config.actor.stateSize;
    let judge = this.judges.get(size);
    if (!judge) {
      judge = await Evaluator.create(this.learner, this.options, (graph, parameters) => ({
        values: criticValues(config, executedInputs(graph, config, size), parameters),
      }));
      this.judges.set(size, judge);
    }
    const { values } = await judge.run(executedFeeds(batch, config, size), 'weights');
    return values!;
  }

  state(): Map<string, Weight> {
    return this.learner.state();
  }

  async close(): Promise<void> {
    await this.regression.close();
    for (const judge of this.judges.values()) await judge.close();
  }
}

/** The batch's own actions as the chunk to be judged. */
function executedInputs(graph: Graph, config: CriticConfig, size: number): CriticInputs {
  const { actor, eyes } = config;
  const { inputs, targets } = batchInputs(graph, actor, size, eyes === 'actor');
  return {
    ...inputs,
    actions: normalise(targets.actions, actor.normalisation.action),
    valid: subtract(graph.scalar(1), cast(targets.isPad, 'float32')),
  };
}

function executedFeeds(
  batch: ActBatch,
  { actor, eyes }: CriticConfig,
  size: number,
): Record<string, OrtTensor> {
  return batchFeeds(batch, { ...actor, cvae: false }, size, eyes === 'actor');
}
