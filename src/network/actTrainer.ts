/**
 * Trains ACT: one graph computes the losses and all gradients, AdamW and the moving average follow in place.
 *
 * Weights live in one flat vector that onnxruntime reads without a copy; gradients are written by it straight
 * into another. Given the same state, batches and thread count, steps are bit-equal.
 */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import type { ActConfig } from './actConfig.js';
import { actLosses, actValidation } from './act.js';
import { initialWeights, parameterSpecs } from './actParameters.js';
import type { Weight, Weights } from './actParameters.js';
import { ALIGNMENT, AdamW } from './adamw.js';
import type { AdamWOptions, AdamWRange } from './adamw.js';
import { format, Graph, sizeOf } from './graph.js';
import type { Shape, Tensor } from './graph.js';
import { openSession } from './session.js';
import type { SessionOptions } from './session.js';

/** B samples. Arrays are only read during the call they are passed to. */
export interface ActBatch {
  /** Shape (B, stateSize), raw units. */
  readonly qpos: Float32Array;
  /** Per camera, shape (B, height, width, 3) RGB. */
  readonly images: readonly Uint8Array[];
  /** Shape (B, environmentStateSize), raw units; needed when the configuration has one. */
  readonly environmentState?: Float32Array;
  /** Shape (B, k, actionSize), raw units. */
  readonly actions: Float32Array;
  /** Shape (B, k): 1 where the action is padding. */
  readonly isPad: Uint8Array;
  /** Shape (B, latentSize), standard normal; needed with cvae. */
  readonly noise?: Float32Array;
}

/** Parameters whose name starts with `prefix` train with these; the first group that matches counts. */
export interface ParameterGroup {
  readonly prefix: string;
  readonly learningRate: number;
  readonly weightDecay: number;
}

export interface ActTrainerOptions extends SessionOptions {
  readonly config: ActConfig;
  readonly batchSize: number;
  /** Seed of the initial weights. */
  readonly seed: number;
  readonly groups: readonly ParameterGroup[];
  readonly optimizer: AdamWOptions;
  /** Decay per step of the moving average of the weights; 0 keeps it equal to the weights. */
  readonly emaDecay: number;
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

/** A state or batch does not fit the configuration. */
export class TrainingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TrainingError';
  }
}

/** Where a parameter lies in the flat vectors. */
interface Slot {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

const LOSSES = ['loss', 'l1', 'kl', 'auxiliary'] as const;

export class ActTrainer {
  private readonly options: ActTrainerOptions;
  private readonly session: InferenceSession;
  private readonly slots: readonly Slot[];
  private readonly frozen: Weights;
  private readonly optimizer: AdamW;
  private readonly parameterFeeds: Record<string, OrtTensor>;
  private readonly fetches: Record<string, OrtTensor>;
  private readonly losses = { loss: scalar(), l1: scalar(), kl: scalar(), auxiliary: scalar() };
  private validation: { batchSize: number; session: InferenceSession } | undefined;

  private constructor(options: ActTrainerOptions, session: InferenceSession, slots: readonly Slot[]) {
    const last = slots.at(-1);
    const length = last ? aligned(last.offset + last.size) : 0;
    this.options = options;
    this.session = session;
    this.slots = slots;
    this.optimizer = new AdamW(length, ranges(slots, options.groups), options.optimizer, options.emaDecay);
    const start = initialWeights(options.config, options.seed);
    const trained = new Set(slots.map(({ name }) => name));
    this.frozen = new Map(
      [...start]
        .filter(([name]) => !trained.has(name))
        .map(([name, weight]) => [name, options.state?.get(`weights/${name}`) ?? weight]),
    );
    this.restore(start, options.state ?? new Map());
    this.parameterFeeds = this.feedsOf(this.optimizer.weights);
    this.fetches = Object.fromEntries(
      slots.map((slot) => [`gradient/${slot.name}`, this.view(this.optimizer.gradients, slot)]),
    );
    for (const name of LOSSES) this.fetches[name] = new OrtTensor('float32', this.losses[name], []);
  }

  static async create(options: ActTrainerOptions): Promise<ActTrainer> {
    const { config, batchSize } = options;
    const graph = new Graph();
    const parameters = parameterInputs(graph, config);
    const { inputs, targets } = batchInputs(graph, config, batchSize);
    const losses = actLosses({ graph, config, parameters: (name) => parameters.get(name)! }, inputs, targets);
    const names = trainedParameters(config);
    const gradients = graph.differentiate(
      losses.loss,
      names.map((name) => parameters.get(name)!),
    );
    const outputs: Record<string, Tensor> = { ...losses };
    names.forEach((name, i) => (outputs[`gradient/${name}`] = gradients[i]!));
    return new ActTrainer(options, await openSession(graph.encode(outputs), options), slotsOf(config, names));
  }

  /** Steps done so far, the restored ones included. */
  get step(): number {
    return this.optimizer.step;
  }

  /** One optimizer step per batch. `rateFactors[i]` multiplies the learning rates of step i (1 when not given). */
  async train(batches: readonly ActBatch[], rateFactors: readonly number[] = []): Promise<StepResult[]> {
    const results: StepResult[] = [];
    for (const [i, batch] of batches.entries()) {
      const feeds = {
        ...this.parameterFeeds,
        ...batchFeeds(batch, this.options.config, this.options.batchSize),
      };
      await this.session.run(feeds, this.fetches);
      const gradientNorm = this.optimizer.update(rateFactors[i] ?? 1);
      const { loss, l1, kl, auxiliary } = this.losses;
      if (!Number.isFinite(loss[0]) || !Number.isFinite(gradientNorm))
        throw new TrainingError(
          `step ${this.step}: loss ${loss[0]}, gradient norm ${gradientNorm}: training diverged; lower the learning rate or set clipNorm, and go on from the last checkpoint`,
        );
      results.push({ loss: loss[0]!, l1: l1[0]!, kl: kl[0]!, auxiliary: auxiliary[0]!, gradientNorm });
    }
    return results;
  }

  /** L1 in normalised units as served: z = 0 and averaged weights. Any batch size; one size at a time is fast. */
  async validate(batch: ActBatch): Promise<number> {
    const { config } = this.options;
    const batchSize = batch.qpos.length / config.stateSize;
    if (this.validation?.batchSize !== batchSize) {
      await this.validation?.session.release();
      this.validation = {
        batchSize,
        session: await openSession(validationModel(config, batchSize), this.options),
      };
    }
    const { session } = this.validation;
    const all = { ...this.feedsOf(this.optimizer.average), ...batchFeeds(batch, config, batchSize) };
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]!]));
    const l1 = scalar();
    await session.run(feeds, { l1: new OrtTensor('float32', l1, []) });
    return l1[0]!;
  }

  /** A copy of everything that the next step depends on. */
  state(): Map<string, Weight> {
    const state = new Map<string, Weight>();
    const vectors = this.vectors();
    for (const { name, shape, offset, size } of this.slots)
      for (const [kind, vector] of vectors)
        state.set(`${kind}/${name}`, { shape, data: vector.slice(offset, offset + size) });
    for (const [name, weight] of this.frozen) state.set(`weights/${name}`, weight);
    state.set('step', { shape: [1], data: Float32Array.of(this.step) });
    return state;
  }

  /** The averaged weights by name, frozen ones included: what `buildPolicyModel` serves. */
  averagedWeights(): Map<string, Weight> {
    const weights = new Map<string, Weight>();
    for (const name of parameterSpecs(this.options.config).keys()) {
      const slot = this.slots.find((candidate) => candidate.name === name);
      if (slot) {
        const data = this.optimizer.average.slice(slot.offset, slot.offset + slot.size);
        weights.set(name, { shape: slot.shape, data });
      } else weights.set(name, this.frozen.get(name)!);
    }
    return weights;
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
        if (given && format(given.shape) !== format(shape))
          throw new TrainingError(
            `"${kind}/${name}" has shape ${format(given.shape)}, the configuration needs ${format(shape)}`,
          );
        if (given) vector.set(given.data, offset);
        else if (kind === 'weights' || kind === 'ema')
          vector.set((state.get(`weights/${name}`) ?? start.get(name)!).data, offset);
      }
  }

  private feedsOf(vector: Float32Array): Record<string, OrtTensor> {
    const feeds: Record<string, OrtTensor> = {};
    for (const slot of this.slots) feeds[slot.name] = this.view(vector, slot);
    for (const [name, { shape, data }] of this.frozen) feeds[name] = new OrtTensor('float32', data, shape);
    return feeds;
  }

  private view(vector: Float32Array, { offset, size, shape }: Slot): OrtTensor {
    return new OrtTensor('float32', vector.subarray(offset, offset + size), shape);
  }
}

function scalar(): Float32Array {
  return new Float32Array(1);
}

function trainedParameters(config: ActConfig): string[] {
  return [...parameterSpecs(config)].filter(([, { frozen }]) => !frozen).map(([name]) => name);
}

function parameterInputs(graph: Graph, config: ActConfig): Map<string, Tensor> {
  return new Map([...parameterSpecs(config)].map(([name, { shape }]) => [name, graph.input(name, shape)]));
}

function batchInputs(graph: Graph, config: ActConfig, batch: number) {
  const environment = config.environmentStateSize;
  const inputs = {
    qpos: graph.input('qpos', [batch, config.stateSize]),
    images: config.cameras.map(({ width, height }, i) =>
      graph.input(`image_${i}`, [batch, height, width, 3], 'uint8'),
    ),
    ...(environment > 0 && { environmentState: graph.input('environment_state', [batch, environment]) }),
  };
  const targets = {
    actions: graph.input('target_actions', [batch, config.chunkSize, config.actionSize]),
    isPad: graph.input('is_pad', [batch, config.chunkSize], 'uint8'),
    noise: graph.input('noise', [batch, config.latentSize]),
  };
  return { inputs, targets };
}

function validationModel(config: ActConfig, batchSize: number): Uint8Array {
  const graph = new Graph();
  const parameters = parameterInputs(graph, config);
  const { inputs, targets } = batchInputs(graph, config, batchSize);
  const l1 = actValidation({ graph, config, parameters: (name) => parameters.get(name)! }, inputs, targets);
  return graph.encode({ l1 });
}

function batchFeeds(batch: ActBatch, config: ActConfig, size: number): Record<string, OrtTensor> {
  const feeds: Record<string, OrtTensor> = {};
  const feed = (name: string, data: Float32Array | Uint8Array | undefined, shape: Shape) => {
    if (data?.length !== sizeOf(shape))
      throw new TrainingError(
        `batch.${name} has ${data?.length ?? 'no'} elements, shape ${format(shape)} is needed`,
      );
    feeds[name] =
      data instanceof Float32Array
        ? new OrtTensor('float32', data, shape)
        : new OrtTensor('uint8', data, shape);
  };
  feed('qpos', batch.qpos, [size, config.stateSize]);
  config.cameras.forEach(({ width, height }, i) =>
    feed(`image_${i}`, batch.images[i], [size, height, width, 3]),
  );
  if (config.environmentStateSize > 0)
    feed('environment_state', batch.environmentState, [size, config.environmentStateSize]);
  feed('target_actions', batch.actions, [size, config.chunkSize, config.actionSize]);
  feed('is_pad', batch.isPad, [size, config.chunkSize]);
  if (config.cvae) feed('noise', batch.noise, [size, config.latentSize]);
  return feeds;
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function slotsOf(config: ActConfig, names: readonly string[]): Slot[] {
  const specs = parameterSpecs(config);
  let offset = 0;
  return names.map((name) => {
    const { shape } = specs.get(name)!;
    const slot = { name, shape, offset, size: sizeOf(shape) };
    offset = aligned(offset + slot.size);
    return slot;
  });
}

/** One range per slot; neighbours of one group are joined. */
function ranges(slots: readonly Slot[], groups: readonly ParameterGroup[]): AdamWRange[] {
  const result: (AdamWRange & { readonly group: ParameterGroup })[] = [];
  for (const { name, offset, size } of slots) {
    const group = groups.find(({ prefix }) => name.startsWith(prefix));
    if (!group) throw new TrainingError(`no parameter group matches "${name}"; add one with prefix ''`);
    const { learningRate, weightDecay } = group;
    const before = result.at(-1);
    const range = { start: offset, end: aligned(offset + size), learningRate, weightDecay, group };
    if (before?.group === group) result[result.length - 1] = { ...range, start: before.start };
    else result.push(range);
  }
  return result;
}
