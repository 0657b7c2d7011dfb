/**
 * Trains ACT: one graph computes the losses and all gradients, AdamW and the moving average follow in place.
 *
 * Weights live in one flat vector that onnxruntime reads without a copy; gradients are written by it straight
 * into another. Given the same state, batches and thread count, steps are bit-equal.
 */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { actLosses, actValidation } from './act.js';
import { batchFeeds, batchInputs, imageShapes } from './actBatch.js';
import type { ActBatch } from './actBatch.js';
import type { ActConfig } from './actConfig.js';
import { initialWeights, parameterSpecs } from './actParameters.js';
import type { Weight, Weights } from './actParameters.js';
import { AdamW } from './adamw.js';
import type { AdamWOptions } from './adamw.js';
import { Dropout } from './dropout.js';
import { flatLayout, groupRanges } from './flatLayout.js';
import type { ParameterGroup, Slot } from './flatLayout.js';
import { formatShape, Graph, sizeOf } from './graph.js';
import type { Shape, Tensor } from './graph.js';
import { RandomStream } from './random.js';
import { openSession } from './session.js';
import type { SessionOptions } from './session.js';
import { TrainingError } from './trainingError.js';

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
  readonly state?: TrainerState;
}

/** `weights/NAME`, `ema/NAME`, `moment1/NAME`, `moment2/NAME` and `step` (1,): all that the next step depends on. */
export type TrainerState = ReadonlyMap<string, Weight>;

export interface StepResult {
  readonly loss: number;
  readonly l1: number;
  readonly kl: number;
  readonly auxiliary: number;
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number;
}

export class ActTrainer {
  /** Shape of each of a batch's images. */
  readonly imageShapes: readonly Shape[];
  private readonly options: ActTrainerOptions;
  private readonly session: InferenceSession;
  private readonly slots: readonly Slot[];
  private readonly frozen: Weights;
  private readonly optimizer: AdamW;
  private readonly feeds: Record<string, OrtTensor>;
  private readonly fetches: Record<string, OrtTensor> = {};
  private readonly dropout: Dropout;
  private readonly masks: readonly Uint8Array[];
  private readonly losses = { loss: scalar(), l1: scalar(), kl: scalar(), auxiliary: scalar() };
  private validation: { batchSize: number; session: InferenceSession } | undefined;

  private constructor(options: ActTrainerOptions, session: InferenceSession, dropout: Dropout) {
    const { config, batchSize, state = new Map<string, Weight>() } = options;
    const trained = trainedShapes(options);
    const { slots, length } = flatLayout(trained);
    this.options = options;
    this.session = session;
    this.slots = slots;
    this.imageShapes = imageShapes(config, batchSize, options.cachedFeatures ?? false);
    this.optimizer = new AdamW(
      length,
      groupRanges(slots, options.groups),
      options.optimizer,
      options.emaDecay,
    );
    const start = initialWeights(config, options.seed);
    this.frozen = new Map(
      [...start]
        .filter(([name]) => !trained.has(name))
        .map(([name, weight]) => [name, state.get(`weights/${name}`) ?? weight]),
    );
    this.restore(start, state);
    this.feeds = this.parameterFeeds(session, this.optimizer.weights);
    this.dropout = dropout;
    this.masks = dropout.masks.map(({ name, shape }) => {
      const mask = new Uint8Array(sizeOf(shape));
      this.feeds[name] = new OrtTensor('uint8', mask, shape);
      return mask;
    });
    for (const slot of slots) this.fetches[`gradient/${slot.name}`] = view(this.optimizer.gradients, slot);
    for (const [name, value] of Object.entries(this.losses))
      this.fetches[name] = new OrtTensor('float32', value, []);
  }

  static async create(options: ActTrainerOptions): Promise<ActTrainer> {
    const { model, dropout } = trainingModel(options);
    return new ActTrainer(options, await openSession(model, options), dropout);
  }

  /** Steps done so far, the restored ones included. */
  get step(): number {
    return this.optimizer.step;
  }

  /** One optimizer step per batch. `rateFactors[i]` multiplies the learning rates of step i (1 when not given). */
  async train(batches: readonly ActBatch[], rateFactors: readonly number[] = []): Promise<StepResult[]> {
    const { config, batchSize, cachedFeatures = false } = this.options;
    const results: StepResult[] = [];
    for (const [i, batch] of batches.entries()) {
      const random = new RandomStream(this.options.seed, `dropout at step ${this.step}`);
      for (const mask of this.masks) this.dropout.draw(mask, random);
      await this.session.run(
        { ...this.feeds, ...batchFeeds(batch, config, batchSize, cachedFeatures) },
        this.fetches,
      );
      const gradientNorm = this.optimizer.update(rateFactors[i] ?? 1);
      const [loss, l1, kl, auxiliary] = [
        this.losses.loss[0]!,
        this.losses.l1[0]!,
        this.losses.kl[0]!,
        this.losses.auxiliary[0]!,
      ];
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
        throw new TrainingError(
          `step ${this.step}: loss ${loss}, gradient norm ${gradientNorm}: training diverged; lower the learning rate or set clipNorm, and go on from the last checkpoint`,
        );
      results.push({ loss, l1, kl, auxiliary, gradientNorm });
    }
    return results;
  }

  /** L1 in normalised units as served: z = 0 and averaged weights. Any batch size; one size at a time is fast. */
  async validate(batch: ActBatch): Promise<number> {
    const { config, cachedFeatures = false } = this.options;
    const batchSize = batch.qpos.length / config.stateSize;
    if (this.validation?.batchSize !== batchSize) {
      await this.validation?.session.release();
      const session = await openSession(validationModel(this.options, batchSize), this.options);
      this.validation = { batchSize, session };
    }
    const { session } = this.validation;
    // The encoder's noise and the auxiliary target are not part of it.
    const given = batchFeeds(batch, { ...config, cvae: false }, batchSize, cachedFeatures);
    const used = Object.entries(given).filter(([name]) => session.inputNames.includes(name));
    const feeds = { ...this.parameterFeeds(session, this.optimizer.average), ...Object.fromEntries(used) };
    const l1 = scalar();
    await session.run(feeds, { l1: new OrtTensor('float32', l1, []) });
    return l1[0]!;
  }

  /** A copy of everything that the next step depends on. */
  state(): Map<string, Weight> {
    const state = new Map<string, Weight>();
    for (const slot of this.slots)
      for (const [kind, vector] of this.vectors()) state.set(`${kind}/${slot.name}`, copy(vector, slot));
    for (const [name, weight] of this.frozen) state.set(`weights/${name}`, weight);
    state.set('step', { shape: [1], data: Float32Array.of(this.step) });
    return state;
  }

  /** The averaged weights by name, frozen ones included: what `buildPolicyModel` serves. */
  averagedWeights(): Map<string, Weight> {
    const trained = this.slots.map((slot) => [slot.name, copy(this.optimizer.average, slot)] as const);
    return new Map([...this.frozen, ...trained]);
  }

  async close(): Promise<void> {
    await this.session.release();
    await this.validation?.session.release();
  }

  private vectors(): [string, Float32Array][] {
    return [
      ['weights', this.optimizer.weights],
      ['ema', this.optimizer.average],
      ['moment1', this.optimizer.firstMoment],
      ['moment2', this.optimizer.secondMoment],
    ];
  }

  private restore(start: Weights, state: TrainerState): void {
    const resumed = state.has('step');
    this.optimizer.step = state.get('step')?.data[0] ?? 0;
    for (const { name, shape, offset } of this.slots)
      for (const [kind, vector] of this.vectors()) {
        const given = state.get(`${kind}/${name}`);
        if (!given && resumed) throw new TrainingError(`the state to resume from lacks "${kind}/${name}"`);
        if (given && formatShape(given.shape) !== formatShape(shape))
          throw new TrainingError(
            `"${kind}/${name}" has shape ${formatShape(given.shape)}, the configuration needs ${formatShape(shape)}`,
          );
        if (given) vector.set(given.data, offset);
        else if (kind === 'weights' || kind === 'ema')
          vector.set((state.get(`weights/${name}`) ?? start.get(name)!).data, offset);
      }
  }

  /** The parameters that `session` reads, as views of `vector`. */
  private parameterFeeds(session: InferenceSession, vector: Float32Array): Record<string, OrtTensor> {
    const feeds: Record<string, OrtTensor> = {};
    for (const slot of this.slots)
      if (session.inputNames.includes(slot.name)) feeds[slot.name] = view(vector, slot);
    for (const [name, { shape, data }] of this.frozen)
      if (session.inputNames.includes(name)) feeds[name] = new OrtTensor('float32', data, shape);
    return feeds;
  }
}

/** Outputs the losses and `gradient/NAME` of every trained parameter. */
function trainingModel(options: ActTrainerOptions): { model: Uint8Array; dropout: Dropout } {
  const { config, batchSize, cachedFeatures = false } = options;
  const graph = new Graph();
  const parameters = parameterInputs(graph, config);
  const { inputs, targets } = batchInputs(graph, config, batchSize, cachedFeatures);
  const dropout = new Dropout(graph, config.dropout);
  const act = { graph, config, parameters: (name: string) => parameters.get(name)!, dropout: dropout.apply };
  const losses = actLosses(act, inputs, targets);
  const names = [...trainedShapes(options).keys()];
  const gradients = graph.differentiate(
    losses.loss,
    names.map((name) => parameters.get(name)!),
  );
  const outputs: Record<string, Tensor> = { ...losses };
  names.forEach((name, i) => (outputs[`gradient/${name}`] = gradients[i]!));
  return { model: graph.encode(outputs), dropout };
}

function validationModel(
  { config, cachedFeatures = false }: ActTrainerOptions,
  batchSize: number,
): Uint8Array {
  const graph = new Graph();
  const parameters = parameterInputs(graph, config);
  const { inputs, targets } = batchInputs(graph, config, batchSize, cachedFeatures);
  const l1 = actValidation({ graph, config, parameters: (name) => parameters.get(name)! }, inputs, targets);
  return graph.encode({ l1 });
}

/** What this run trains: all but frozen batch normalisation, and the backbone when its features are cached. */
function trainedShapes({ config, cachedFeatures }: ActTrainerOptions): Map<string, Shape> {
  return new Map(
    [...parameterSpecs(config)]
      .filter(([name, { frozen }]) => !frozen && !(cachedFeatures && name.startsWith('backbone.')))
      .map(([name, { shape }]) => [name, shape]),
  );
}

function parameterInputs(graph: Graph, config: ActConfig): Map<string, Tensor> {
  return new Map([...parameterSpecs(config)].map(([name, { shape }]) => [name, graph.input(name, shape)]));
}

function view(vector: Float32Array, { offset, size, shape }: Slot): OrtTensor {
  return new OrtTensor('float32', vector.subarray(offset, offset + size), shape);
}

function copy(vector: Float32Array, { offset, size, shape }: Slot): Weight {
  return { shape, data: vector.slice(offset, offset + size) };
}

function scalar(): Float32Array {
  return new Float32Array(1);
}
