/**
 * Carries PyTorch tensors over to the parameters of `network/actParameters.ts`, checking that every tensor has the
 * shape that the configuration needs, that none is missing and that none is left over.
 */
import { CheckpointError } from '../../contract/errors.js';
import type { ActConfig } from '../../network/actConfig.js';
import { parameterShapes, RESNET18_STAGES, type Weight } from '../../network/actParameters.js';

/** Added to the variance of a frozen batch norm; source: torchvision ops/misc.py, act backbone.py. */
export const BATCH_NORM_EPSILON = 1e-5;

/** The tensors of a checkpoint file, each to be taken once. */
export class TensorSource {
  readonly path: string;
  readonly #tensors: Map<string, Weight>;

  constructor(path: string, tensors: ReadonlyMap<string, Weight>) {
    this.path = path;
    this.#tensors = new Map(tensors);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Shape of a tensor, without taking it. Throws CheckpointError when there is none of `rank` dimensions. */
  shapeOf(name: string, rank: number): readonly number[] {
    const shape = this.#tensors.get(name)?.shape;
    if (shape?.length !== rank) throw this.missing(name, `${rank} dimensions`);
    return shape;
  }

  take(name: string, shape: readonly number[]): Float32Array {
    const tensor = this.#tensors.get(name);
    const wanted = `shape [${shape.join(', ')}]`;
    if (!tensor) throw this.missing(name, wanted);
    if (tensor.shape.join() !== shape.join()) {
      throw new CheckpointError(
        `${this.path}: ${name} has shape [${tensor.shape.join(', ')}], the rest of the checkpoint needs ${wanted}. ` +
          'The files are not of one policy, or it is not a plain ACT',
      );
    }
    if (!tensor.data.every(Number.isFinite)) {
      throw new CheckpointError(
        `${this.path}: ${name} holds NaN or infinite numbers; take an earlier checkpoint`,
      );
    }
    this.#tensors.delete(name);
    return tensor.data;
  }

  /** How many of 0, 1, 2, ... come after `prefix`, as layers or cameras are numbered. */
  count(prefix: string): number {
    const names = [...this.#tensors.keys()];
    let count = 0;
    while (names.some((name) => name.startsWith(`${prefix}${count}.`))) count++;
    return count;
  }

  /** Takes all tensors that `drop` names off the list of those that must find a place. */
  drop(drop: (name: string) => boolean): void {
    for (const name of this.#tensors.keys()) if (drop(name)) this.#tensors.delete(name);
  }

  /** Throws CheckpointError for tensors that nobody took. */
  finish(): void {
    const left = [...this.#tensors.keys()];
    if (left.length === 0) return;
    throw new CheckpointError(
      `${this.path}: ${left.length} tensors have no place in ACT with ResNet18, the first is ${left[0]}. ` +
        'Other backbones, pre-norm transformers and other policies cannot be imported',
    );
  }

  missing(name: string, wanted: string): CheckpointError {
    const present = [...this.#tensors.keys()].slice(0, 3).join(', ') || 'none';
    return new CheckpointError(
      `${this.path} has no tensor ${name} of ${wanted} (it starts with: ${present}). ` +
        'It must be the whole state dict of an ACT policy',
    );
  }
}

/** Fills our parameters by name; `theirs` are names of the source's tensors. */
export class WeightTranslation {
  readonly #source: TensorSource;
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #weights = new Map<string, Weight>();

  constructor(source: TensorSource, config: ActConfig) {
    this.#source = source;
    this.#shapes = parameterShapes(config);
  }

  /** One tensor under another name. */
  tensor(theirs: string, ours: string): void {
    const shape = this.#shape(ours);
    this.#weights.set(ours, { shape, data: this.#source.take(theirs, shape) });
  }

  /** Weight and bias of a linear layer or a layer norm. */
  layer(theirs: string, ours: string): void {
    for (const part of ['weight', 'bias']) this.tensor(`${theirs}.${part}`, `${ours}.${part}`);
  }

  /** A 1x1 convolution as the linear layer that it is. */
  pointwise(theirs: string, ours: string): void {
    const shape = this.#shape(`${ours}.weight`);
    this.#weights.set(`${ours}.weight`, {
      shape,
      data: this.#source.take(`${theirs}.weight`, [...shape, 1, 1]),
    });
    this.tensor(`${theirs}.bias`, `${ours}.bias`);
  }

  encoderLayers(theirs: string, ours: string, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#attention(`${theirs}.${i}.self_attn`, `${ours}.${i}.attention`);
      for (const part of ['linear1', 'linear2', 'norm1', 'norm2'])
        this.layer(`${theirs}.${i}.${part}`, `${ours}.${i}.${part}`);
    }
  }

  decoderLayers(theirs: string, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#attention(`${theirs}.${i}.self_attn`, `decoder.${i}.self_attention`);
      this.#attention(`${theirs}.${i}.multihead_attn`, `decoder.${i}.cross_attention`);
      for (const part of ['linear1', 'linear2', 'norm1', 'norm2', 'norm3']) {
        this.layer(`${theirs}.${i}.${part}`, `decoder.${i}.${part}`);
      }
    }
  }

  /** torchvision's ResNet18 with frozen batch norm. */
  resnet18(theirs: string, ours: string): void {
    this.tensor(`${theirs}.conv1.weight`, `${ours}.conv1.weight`);
    this.#batchNorm(`${theirs}.bn1`, `${ours}.bn1`);
    for (let stage = 1; stage <= RESNET18_STAGES.length; stage++) {
      for (const block of [0, 1]) {
        const name = `layer${stage}.${block}`;
        for (const i of [1, 2]) {
          this.tensor(`${theirs}.${name}.conv${i}.weight`, `${ours}.${name}.conv${i}.weight`);
          this.#batchNorm(`${theirs}.${name}.bn${i}`, `${ours}.${name}.bn${i}`);
        }
        if (!this.#shapes.has(`${ours}.${name}.downsample.weight`)) continue;
        this.tensor(`${theirs}.${name}.downsample.0.weight`, `${ours}.${name}.downsample.weight`);
        this.#batchNorm(`${theirs}.${name}.downsample.1`, `${ours}.${name}.downsample`);
      }
    }
  }

  /** All parameters, once every tensor has found its place. Throws CheckpointError. */
  finish(): Map<string, Weight> {
    this.#source.finish();
    for (const name of this.#shapes.keys())
      if (!this.#weights.has(name)) throw new Error(`importer left out ${name}`);
    return this.#weights;
  }

  /** PyTorch packs query, key and value into one matrix (3d, d), in that order. */
  #attention(theirs: string, ours: string): void {
    for (const part of ['weight', 'bias'] as const) {
      const shape = this.#shape(`${ours}.query.${part}`);
      const packed = this.#source.take(`${theirs}.in_proj_${part}`, [3 * shape[0]!, ...shape.slice(1)]);
      const size = packed.length / 3;
      for (const [i, third] of ['query', 'key', 'value'].entries()) {
        this.#weights.set(`${ours}.${third}.${part}`, {
          shape,
          data: packed.slice(i * size, (i + 1) * size),
        });
      }
    }
    this.layer(`${theirs}.out_proj`, `${ours}.out`);
  }

  /** weight * (x - mean) / sqrt(variance + epsilon) + bias, folded to scale * x + shift. */
  #batchNorm(theirs: string, ours: string): void {
    const shape = this.#shape(`${ours}.scale`);
    const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
      this.#source.take(`${theirs}.${part}`, shape),
    );
    const scale = weight!.map((w, i) => w / Math.sqrt(variance![i]! + BATCH_NORM_EPSILON));
    this.#weights.set(`${ours}.scale`, { shape, data: scale });
    this.#weights.set(`${ours}.shift`, { shape, data: bias!.map((b, i) => b - mean![i]! * scale[i]!) });
  }

  #shape(ours: string): readonly number[] {
    const shape = this.#shapes.get(ours);
    if (!shape) throw new Error(`importer names ${ours}, which the network does not have`);
    return shape;
  }
}
