/**
 * The weights of a network under one optimizer, whatever losses train them. Objectives of one learner share its
 * AdamW state, as fine-tuning wants: a step of imitation and a step of reinforcement move the same moments.
 *
 * Weights live in one flat vector that onnxruntime reads without a copy.
 */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import type { ParameterSpec, Weight, Weights } from './actParameters.js';
import { AdamW } from './adamw.js';
import type { AdamWOptions } from './adamw.js';
import type { Parameters } from './backbone.js';
import { flatLayout, groupRanges } from './flatLayout.js';
import type { ParameterGroup, Slot } from './flatLayout.js';
import { formatShape } from './graph.js';
import type { Graph, Shape, Tensor } from './graph.js';
import { TrainingError } from './trainingError.js';

/** `weights/NAME`, `ema/NAME`, `moment1/NAME`, `moment2/NAME` and `step` (1,): all that the next step depends on. */
export type LearnerState = ReadonlyMap<string, Weight>;

export interface LearnerOptions {
  readonly specs: ReadonlyMap<string, ParameterSpec>;
  /** Values to start from. */
  readonly start: Weights;
  /** Kept as they are, besides those whose specification says so. */
  readonly frozen?: (name: string) => boolean;
  readonly groups: readonly ParameterGroup[];
  readonly optimizer: AdamWOptions;
  /** Decay per step of the moving average of the weights; 0 keeps it equal to the weights. */
  readonly emaDecay: number;
  /** A state to go on from, as `state()` gave it; or only `weights/` entries, to fine-tune. */
  readonly state?: LearnerState;
}

/** Which of the two sets of weights: those that the next step changes, or their moving average. */
export type WeightKind = 'weights' | 'average';

export class Learner {
  /** Trained parameters and where they lie in the flat vectors. */
  readonly slots: readonly Slot[];
  readonly optimizer: AdamW;
  private readonly specs: ReadonlyMap<string, ParameterSpec>;
  private readonly frozen: Weights;

  constructor(options: LearnerOptions) {
    const { specs, start, state = new Map<string, Weight>() } = options;
    const isFrozen = (name: string) => specs.get(name)!.frozen || (options.frozen?.(name) ?? false);
    const trained = new Map<string, Shape>(
      [...specs].filter(([name]) => !isFrozen(name)).map(([name, { shape }]) => [name, shape]),
    );
    const { slots, length } = flatLayout(trained);
    this.specs = specs;
    this.slots = slots;
    this.optimizer = new AdamW(
      length,
      groupRanges(slots, options.groups),
      options.optimizer,
      options.emaDecay,
    );
    this.frozen = new Map(
      [...start]
        .filter(([name]) => !trained.has(name))
        .map(([name, weight]) => [name, state.get(`weights/${name}`) ?? weight]),
    );
    this.restore(start, state);
  }

  /** Steps done so far, the restored ones included. */
  get step(): number {
    return this.optimizer.step;
  }

  /** Every parameter as an input of `graph`, trained or not: the weights are fed at each run. */
  inputs(graph: Graph): { readonly lookUp: Parameters; readonly tensors: ReadonlyMap<string, Tensor> } {
    const tensors = new Map([...this.specs].map(([name, { shape }]) => [name, graph.input(name, shape)]));
    return { tensors, lookUp: (name) => tensors.get(name)! };
  }

  /** The parameters among `names`, as views: they follow every step. */
  feeds(names: readonly string[], kind: WeightKind = 'weights'): Record<string, OrtTensor> {
    const vector = kind === 'weights' ? this.optimizer.weights : this.optimizer.average;
    const wanted = new Set(names);
    const feeds: Record<string, OrtTensor> = {};
    for (const slot of this.slots) if (wanted.has(slot.name)) feeds[slot.name] = view(vector, slot);
    for (const [name, { shape, data }] of this.frozen)
      if (wanted.has(name)) feeds[name] = new OrtTensor('float32', data, shape);
    return feeds;
  }

  /** Where the gradient of a trained parameter is to be written before `optimizer.update`. */
  gradient(slot: Slot): OrtTensor {
    return view(this.optimizer.gradients, slot);
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

  /** A copy of the weights by name, frozen ones included: what `buildPolicyModel` serves. */
  copyWeights(kind: WeightKind): Map<string, Weight> {
    const vector = kind === 'weights' ? this.optimizer.weights : this.optimizer.average;
    const trained = this.slots.map((slot) => [slot.name, copy(vector, slot)] as const);
    return new Map([...this.frozen, ...trained]);
  }

  private vectors(): [string, Float32Array][] {
    return [
      ['weights', this.optimizer.weights],
      ['ema', this.optimizer.average],
      ['moment1', this.optimizer.firstMoment],
      ['moment2', this.optimizer.secondMoment],
    ];
  }

  /** Goes back to a state that `state()` gave. Throws TrainingError when it is of another network. */
  load(state: LearnerState): void {
    this.restore(new Map(), state);
  }

  private restore(start: Weights, state: LearnerState): void {
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
}

function view(vector: Float32Array, { offset, size, shape }: Slot): OrtTensor {
  return new OrtTensor('float32', vector.subarray(offset, offset + size), shape);
}

function copy(vector: Float32Array, { offset, size, shape }: Slot): Weight {
  return { shape, data: vector.slice(offset, offset + size) };
}
