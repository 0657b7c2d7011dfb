/**
 * A graph of ONNX nodes over tensors of known shape, and its reverse-mode derivative.
 *
 * It is not a tensor library: nothing is computed here. Operators (`operators.ts`, `convolution.ts`) append
 * nodes, each with one gradient function per input, and `differentiate` appends the nodes of the gradient.
 */
import { encodeModel } from './onnx.js';
import type { ElementType, OnnxAttribute, OnnxConstant, OnnxNode, OnnxValue } from './onnx.js';

export type Shape = readonly number[];

/** A value of the graph: a handle, not data. */
export interface Tensor extends OnnxValue {
  readonly graph: Graph;
}

/** Given dLoss/dOutput of a node's first output, appends nodes and returns dLoss/dInput. */
export type GradientRule = (outputGradient: Tensor) => Tensor;

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
  /** Type of the first output; float32 when not given. */
  readonly type?: ElementType;
  /** One rule per input; a missing or undefined one means that no gradient flows there. */
  readonly gradients?: readonly (GradientRule | undefined)[];
}

interface Recorded {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly gradients: readonly (GradientRule | undefined)[];
}

export class Graph {
  private readonly nodes: OnnxNode[] = [];
  private readonly recorded: Recorded[] = [];
  private readonly inputs: Tensor[] = [];
  private readonly constants = new Map<string, OnnxConstant>();
  private readonly cache = new Map<string, Tensor>();
  private counter = 0;
  /** Channels per block of onnxruntime's blocked image layout; 0 where it is not to be used. */
  readonly channelBlock: number;

  constructor(channelBlock = 0) {
    this.channelBlock = channelBlock;
  }

  /** A value fed at every run. */
  input(name: string, shape: Shape, type: ElementType = 'float32'): Tensor {
    const tensor = this.tensor(name, shape, type);
    this.inputs.push(tensor);
    return tensor;
  }

  /** A value stored in the model file. */
  constant(
    data: Float32Array | BigInt64Array | Uint8Array,
    shape: Shape,
    name = this.name('constant'),
  ): Tensor {
    const type = data instanceof Float32Array ? 'float32' : data instanceof BigInt64Array ? 'int64' : 'uint8';
    if (sizeOf(shape) !== data.length)
      throw new GraphError(
        `constant "${name}" has ${data.length} elements, shape ${formatShape(shape)} needs ${sizeOf(shape)}`,
      );
    this.constants.set(name, { name, shape, type, data });
    return this.tensor(name, shape, type);
  }

  /** A 0-dimensional float constant. Equal scalars are one constant. */
  scalar(value: number): Tensor {
    return this.cached(`f${value}`, () => this.constant(Float32Array.of(value), []));
  }

  /** A float constant of ones. Equal shapes are one constant. */
  ones(shape: Shape): Tensor {
    return this.cached(`ones${shape.join()}`, () =>
      this.constant(new Float32Array(sizeOf(shape)).fill(1), shape),
    );
  }

  /** A 1-dimensional int64 constant, as ONNX wants shapes, axes and bounds. Equal lists are one constant. */
  integers(values: readonly number[]): Tensor {
    return this.cached(`i${values.join()}`, () =>
      this.constant(BigInt64Array.from(values, BigInt), [values.length]),
    );
  }

  /** What `make` gave when it was first asked for by this key. */
  cached(key: string, make: () => Tensor): Tensor {
    const tensor = this.cache.get(key) ?? make();
    this.cache.set(key, tensor);
    return tensor;
  }

  /** Appends a node with one output. */
  node(operator: string, inputs: readonly Tensor[], shape: Shape, options: NodeOptions = {}): Tensor {
    return this.nodeWithOutputs(operator, inputs, [{ shape, type: options.type ?? 'float32' }], options)[0];
  }

  /** Appends a node with several outputs; gradients flow into the first one only. */
  nodeWithOutputs(
    operator: string,
    inputs: readonly Tensor[],
    outputs: readonly { readonly shape: Shape; readonly type: ElementType }[],
    options: NodeOptions,
  ): [Tensor, ...Tensor[]] {
    const base = this.name(operator);
    const [first, ...others] = outputs.map(({ shape, type }, i) =>
      this.tensor(i === 0 ? base : `${base}.${i}`, shape, type),
    );
    if (!first) throw new GraphError(`node ${base} has no output`);
    this.nodes.push({
      operator,
      domain: options.domain ?? '',
      inputs: inputs.map((input) => input.name),
      outputs: [first, ...others].map((output) => output.name),
      attributes: options.attributes ?? {},
    });
    this.recorded.push({ inputs, output: first, gradients: options.gradients ?? [] });
    return [first, ...others];
  }

  /**
   * Appends the nodes of `build` as one operator, with gradient rules of its own (one per input) in place of theirs.
   */
  composite(
    inputs: readonly Tensor[],
    build: () => { readonly output: Tensor; readonly gradients: readonly GradientRule[] },
  ): Tensor {
    const { length } = this.recorded;
    const { output, gradients } = build();
    this.recorded.length = length;
    this.recorded.push({ inputs, output, gradients });
    return output;
  }

  /**
   * Appends the gradient of the scalar `loss` and returns dLoss/dw for each w of `wanted`, in that order.
   * A value that the loss does not depend on is an error: training it would be a silent no-op.
   */
  differentiate(loss: Tensor, wanted: readonly Tensor[]): Tensor[] {
    if (loss.shape.length !== 0)
      throw new GraphError(`the loss must be a scalar, has shape ${formatShape(loss.shape)}`);
    const path = [...this.recorded];
    const depends = new Set(wanted.map((tensor) => tensor.name));
    for (const { inputs, output, gradients } of path)
      if (inputs.some((input, i) => gradients[i] && depends.has(input.name))) depends.add(output.name);

    const gradientOf = new Map<string, Tensor>([[loss.name, this.scalar(1)]]);
    for (const { inputs, output, gradients } of path.reverse()) {
      const outputGradient = gradientOf.get(output.name);
      if (!outputGradient || !depends.has(output.name)) continue;
      inputs.forEach((input, i) => {
        const rule = gradients[i];
        if (!rule || !depends.has(input.name)) return;
        const gradient = rule(outputGradient);
        if (formatShape(gradient.shape) !== formatShape(input.shape))
          throw new GraphError(
            `gradient of "${input.name}" through "${output.name}" has shape ${formatShape(gradient.shape)}, not ${formatShape(input.shape)}`,
          );
        const sum = gradientOf.get(input.name);
        gradientOf.set(input.name, sum ? this.node('Add', [sum, gradient], input.shape) : gradient);
      });
    }
    return wanted.map((tensor) => {
      const gradient = gradientOf.get(tensor.name);
      if (!gradient) throw new GraphError(`the loss does not depend on "${tensor.name}"`);
      return gradient;
    });
  }

  /** Whether a gradient flows from `loss` to `tensor`. */
  reaches(tensor: Tensor, loss: Tensor): boolean {
    const depends = new Set([tensor.name]);
    for (const { inputs, output, gradients } of this.recorded)
      if (inputs.some((input, i) => gradients[i] && depends.has(input.name))) depends.add(output.name);
    return depends.has(loss.name);
  }

  /**
   * The model file that computes `outputs`, under the given names. What they do not need is left out. `emptyList` names
   * one more output that comes first, an empty list.
   */
  encode(outputs: Readonly<Record<string, Tensor>>, emptyList?: string): Uint8Array {
    const named = Object.entries(outputs).map(([name, tensor]) => ({ name, tensor }));
    const needed = new Set(named.map(({ tensor }) => tensor.name));
    const kept: OnnxNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      for (const input of node.inputs) needed.add(input);
      // MaxPool is several times faster when its indices are not asked for.
      const last = node.outputs.findLastIndex((output) => needed.has(output));
      kept.push({ ...node, outputs: node.outputs.slice(0, last + 1) });
    }
    // onnxruntime begins with what the last node needs, then takes the one before. The other way round, every weight's
    // gradient would wait until all activations and their gradients are there, and keep them.
    const read = new Set(kept.flatMap(({ inputs }) => inputs));
    const isRead = ({ outputs: [...names] }: OnnxNode) => names.some((name) => read.has(name));
    const nodes = [...kept.filter(isRead).toReversed(), ...kept.filter((node) => !isRead(node))];
    const close = (operator: string, inputs: readonly string[], output: string) =>
      nodes.push({ operator, domain: '', inputs, outputs: [output], attributes: {} });
    for (const { name, tensor } of named) close('Identity', [tensor.name], name);
    if (emptyList !== undefined) close('SequenceEmpty', [], emptyList);
    return encodeModel({
      nodes,
      constants: [...this.constants.values()].filter(({ name }) => needed.has(name)),
      inputs: this.inputs.filter(({ name }) => needed.has(name)),
      outputs: named.map(({ name, tensor }) => ({ name, shape: tensor.shape, type: tensor.type })),
      ...(emptyList !== undefined && { listOutput: emptyList }),
    });
  }

  private tensor(name: string, shape: Shape, type: ElementType): Tensor {
    return { graph: this, name, shape, type };
  }

  private name(base: string): string {
    return `${base}_${this.counter++}`;
  }
}

/** A graph was put together wrongly: a mistake of the program, not of its user. */
export class GraphError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GraphError';
  }
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function formatShape(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

/** Batch, channels, height and width of an image tensor. */
export function imageShape(x: Tensor): [number, number, number, number] {
  const [batch, channels, height, width] = x.shape;
  if (batch === undefined || channels === undefined || height === undefined || width === undefined)
    throw new GraphError(`an image has four axes, "${x.name}" has shape ${formatShape(x.shape)}`);
  return [batch, channels, height, width];
}
