/**
 * Fine-tunes an ACT actor: imitation, the policy-gradient surrogate and the critic's composite loss are objectives of
 * one learner and share one optimizer. Graphs are built when they are first needed.
 */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Act } from './act.js';
import { predict } from './act.js';
import type { ActBatch } from './actBatch.js';
import { batchFeeds, batchInputs } from './actBatch.js';
import type { StepResult } from './actTrainer.js';
import { ActTrainer } from './actTrainer.js';
import type { ActTrainerOptions } from './actTrainer.js';
import type { Weight } from './actParameters.js';
import type { CriticConfig } from './critic.js';
import type { CriticTrainer } from './criticTrainer.js';
import type { Learner, LearnerState, WeightKind } from './learner.js';
import type { BuildLoss, ObjectiveStep } from './objective.js';
import { Evaluator, Objective } from './objective.js';
import { compositeLoss, criticTerm, imitationTerm, surrogateLoss } from './reinforcement.js';
import type { Latent } from './reinforcement.js';
import type { Tensor } from './graph.js';

export interface ActorTrainerOptions extends ActTrainerOptions {
  readonly cachedFeatures: boolean;
  /** Where z comes from in the losses of chunks that were played. */
  readonly latent: Latent;
}

/** How several critics count as one; see `pessimisticValue`. */
export interface CriticUse {
  readonly trainer: CriticTrainer;
  readonly config: CriticConfig;
  /** Shape (heads,), sum 1. */
  readonly shares: Float32Array;
  readonly beta: number;
  /** Weight of the critic's term. */
  readonly gamma: number;
}

/** A squared error that no chunk reaches: no bound. */
const UNBOUNDED = 1e30;

export class ActorTrainer {
  readonly #options: ActorTrainerOptions;
  readonly #imitation: ActTrainer;
  readonly #surrogates = new Map<number, Objective<'goodError' | 'badError'>>();
  readonly #composites = new Map<string, Objective<never>>();
  readonly #predictors = new Map<number, Evaluator>();

  private constructor(options: ActorTrainerOptions, imitation: ActTrainer) {
    this.#options = options;
    this.#imitation = imitation;
  }

  static async create(options: ActorTrainerOptions): Promise<ActorTrainer> {
    return new ActorTrainer(options, await ActTrainer.create(options));
  }

  get learner(): Learner {
    return this.#imitation.learner;
  }

  /** One step of behaviour cloning. */
  async imitate(batch: ActBatch, stream: string, rateFactor = 1): Promise<StepResult> {
    return await this.#imitation.trainOn(batch, stream, rateFactor);
  }

  /** L1 in normalised units with z = 0 and averaged weights. */
  async validate(batch: ActBatch): Promise<number> {
    return await this.#imitation.validate(batch);
  }

  /** One step of algorithm 1. `advantages` (B,): +-0.5; failures are pushed no further away than `hinge`. */
  async surrogate(
    batch: ActBatch,
    advantages: Float32Array,
    stream: string,
    hinge = UNBOUNDED,
  ): Promise<ObjectiveStep<'goodError' | 'badError'>> {
    const { config, cachedFeatures, latent } = this.#options;
    const size = advantages.length;
    let objective = this.#surrogates.get(size);
    if (!objective) {
      objective = await this.#objective((act) => {
        const { inputs, targets } = batchInputs(act.graph, config, size, cachedFeatures);
        const judged = {
          advantages: act.graph.input('advantages', [size]),
          hinge: act.graph.input('hinge', [size]),
        };
        return surrogateLoss(act, inputs, targets, judged, latent);
      });
      this.#surrogates.set(size, objective);
    }
    const bounds = advantages.map((advantage) => (advantage < 0 ? hinge : UNBOUNDED));
    return await objective.step(
      {
        ...batchFeeds(batch, config, size, cachedFeatures),
        advantages: new OrtTensor('float32', advantages, [size]),
        hinge: new OrtTensor('float32', bounds, [size]),
      },
      stream,
    );
  }

  /**
   * One step of algorithm 2 on `successes` (B+ samples to imitate) and `failures` (B- samples whose own action is to be
   * improved, their stored actions are not used). Either may be absent.
   */
  async composite(
    successes: ActBatch | undefined,
    failures: ActBatch | undefined,
    critic: CriticUse,
    stream: string,
  ): Promise<ObjectiveStep<never>> {
    const { config, cachedFeatures, latent } = this.#options;
    const { heads, eyes } = critic.config;
    const sizeOf = (batch: ActBatch | undefined) => (batch ? batch.qpos.length / config.stateSize : 0);
    const [good, bad] = [sizeOf(successes), sizeOf(failures)];
    const key = `${good}+${bad}`;
    let objective = this.#composites.get(key);
    if (!objective) {
      objective = await this.#objective((act) => {
        const { graph } = act;
        let imitation: Tensor | undefined;
        let value: Tensor | undefined;
        if (good > 0) {
          const { inputs, targets } = batchInputs(graph, config, good, cachedFeatures, 'good_');
          imitation = imitationTerm(act, inputs, targets, latent);
        }
        if (bad > 0) {
          const { inputs, targets } = batchInputs(graph, config, bad, cachedFeatures, 'bad_');
          if (eyes === 'own' && cachedFeatures)
            throw new RangeError('critics with eyes of their own need images, not cached features');
          value = criticTerm(act, {
            inputs,
            isPad: targets.isPad,
            critic: critic.config,
            criticParameters: critic.trainer.learner.inputs(graph).lookUp,
            shares: graph.input('shares', [heads, 1]),
            beta: graph.input('beta', []),
          });
        }
        return { loss: compositeLoss(imitation, value, graph.input('gamma', []), good + bad), reports: {} };
      });
      this.#composites.set(key, objective);
    }
    const scalar = (value: number) => new OrtTensor('float32', Float32Array.of(value), []);
    return await objective.step(
      {
        ...(successes && batchFeeds(successes, config, good, cachedFeatures, 'good_')),
        ...(failures && batchFeeds(failures, { ...config, cvae: false }, bad, cachedFeatures, 'bad_')),
        ...(bad > 0 && critic.trainer.learner.feeds(critic.trainer.learner.slots.map(({ name }) => name))),
        shares: new OrtTensor('float32', critic.shares, [heads, 1]),
        beta: scalar(critic.beta),
        gamma: scalar(critic.gamma),
      },
      stream,
    );
  }

  /** Chunks as served (z = 0), de-normalised, shape (B, k, actionSize). */
  async chunks(batch: ActBatch, kind: WeightKind): Promise<Float32Array> {
    const { config, cachedFeatures } = this.#options;
    const size = batch.qpos.length / config.stateSize;
    let predictor = this.#predictors.get(size);
    if (!predictor) {
      predictor = await Evaluator.create(this.learner, this.#options, (graph, parameters) => {
        const { inputs } = batchInputs(graph, config, size, cachedFeatures);
        return { actions: predict({ graph, config, parameters }, inputs, undefined).actions };
      });
      this.#predictors.set(size, predictor);
    }
    const feeds = batchFeeds(batch, { ...config, cvae: false }, size, cachedFeatures);
    const { actions } = await predictor.run(feeds, kind);
    const { mean, std } = config.normalisation.action;
    return actions!.map((value, i) => value * std[i % std.length]! + mean[i % mean.length]!);
  }

  state(): Map<string, Weight> {
    return this.learner.state();
  }

  /** Goes back to an earlier state. */
  load(state: LearnerState): void {
    this.learner.load(state);
  }

  async close(): Promise<void> {
    await this.#imitation.close();
    for (const graph of [
      ...this.#surrogates.values(),
      ...this.#composites.values(),
      ...this.#predictors.values(),
    ])
      await graph.close();
  }

  async #objective<Report extends string>(
    loss: (act: Act) => ReturnType<BuildLoss<Report>>,
  ): Promise<Objective<Report>> {
    const { config } = this.#options;
    const options = { ...this.#options, dropout: config.dropout };
    return await Objective.create<Report>(this.learner, options, (graph, parameters, dropout) =>
      loss({ graph, config, parameters, dropout }),
    );
  }
}
