/**
 * The operators that networks are made of. Each appends one ONNX node and says how gradients flow back through
 * it. Images have theirs in `convolution.ts` and `pooling.ts`.
 *
 * Binary operators broadcast as ONNX and NumPy do; a gradient is summed back to the shape of its input.
 */
import { formatShape, GraphError, sizeOf } from './graph.js';
import type { GradientRule, Shape, Tensor } from './graph.js';
import type { ElementType } from './onnx.js';
import { step } from './step.js';

// --- element by element -------------------------------------------------------------------------------------

export function add(a: Tensor, b: Tensor): Tensor {
  return binary(
    'Add',
    a,
    b,
    (d) => d,
    (d) => d,
  );
}

export function subtract(a: Tensor, b: Tensor): Tensor {
  return binary('Sub', a, b, (d) => d, negate);
}

export function multiply(a: Tensor, b: Tensor): Tensor {
  return binary(
    'Mul',
    a,
    b,
    (d) => multiply(d, b),
    (d) => multiply(d, a),
  );
}

export function divide(a: Tensor, b: Tensor): Tensor {
  const output: Tensor = binary(
    'Div',
    a,
    b,
    (d) => divide(d, b),
    (d) => negate(divide(multiply(d, output), b)),
  );
  return output;
}

export function scale(x: Tensor, factor: number): Tensor {
  return multiply(x, x.graph.scalar(factor));
}

export function negate(x: Tensor): Tensor {
  return unary('Neg', x, negate);
}

export function exp(x: Tensor): Tensor {
  const output: Tensor = unary('Exp', x, (d) => multiply(d, output));
  return output;
}

export function log(x: Tensor): Tensor {
  return unary('Log', x, (d) => divide(d, x));
}

export function sqrt(x: Tensor): Tensor {
  const output: Tensor = unary('Sqrt', x, (d) => scale(divide(d, output), 0.5));
  return output;
}

export function tanh(x: Tensor): Tensor {
  const output: Tensor = unary('Tanh', x, (d) =>
    multiply(d, subtract(x.graph.scalar(1), multiply(output, output))),
  );
  return output;
}

export function sigmoid(x: Tensor): Tensor {
  const output: Tensor = unary('Sigmoid', x, (d) =>
    multiply(d, multiply(output, subtract(x.graph.scalar(1), output))),
  );
  return output;
}

/** |x|, with gradient 0 at 0. */
export function absolute(x: Tensor): Tensor {
  return unary('Abs', x, (d) => multiply(d, x.graph.node('Sign', [x], x.shape)));
}

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  const output: Tensor = unary('Relu', x, (d) => multiply(d, step(output)));
  return output;
}

/** Elementwise minimum; the gradient flows to the smaller one, to `a` where both are equal. */
export function minimum(a: Tensor, b: Tensor): Tensor {
  return subtract(a, relu(subtract(a, b)));
}

/** Converts the type; no gradient flows through. */
export function cast(x: Tensor, type: ElementType): Tensor {
  const to = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 }[type];
  return x.graph.node('Cast', [x], x.shape, { type, attributes: { to } });
}

// --- layout -------------------------------------------------------------------------------------------------

/** What a reshaped tensor was before: reshaping it once more starts there. */
const origins = new WeakMap<Tensor, Tensor>();

export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sizeOf(shape) !== sizeOf(x.shape))
    throw new GraphError(`cannot reshape ${formatShape(x.shape)} to ${formatShape(shape)}`);
  const origin = origins.get(x) ?? x;
  if (formatShape(shape) === formatShape(x.shape)) return x;
  if (formatShape(shape) === formatShape(origin.shape)) return origin;
  const reshaped = x.graph.node('Reshape', [origin, x.graph.integers(shape)], shape, {
    type: x.type,
    gradients: [(d) => reshape(d, origin.shape)],
  });
  origins.set(reshaped, origin);
  return reshaped;
}

/** Axis i of the result is axis `order[i]` of x. */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  const back = order.map((_, axis) => order.indexOf(axis));
  return x.graph.node(
    'Transpose',
    [x],
    order.map((axis) => x.shape[axis]!),
    {
      type: x.type,
      attributes: { perm: order },
      gradients: [(d) => transpose(d, back)],
    },
  );
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (!first) throw new GraphError('concat of nothing');
  if (parts.length === 1) return first;
  let offset = 0;
  const gradients = parts.map((part): GradientRule => {
    const start = offset;
    offset += part.shape[axis]!;
    return (d) => slice(d, axis, start, start + part.shape[axis]!);
  });
  const shape = first.shape.with(axis, offset);
  return first.graph.node('Concat', parts, shape, { type: first.type, attributes: { axis }, gradients });
}

/** Elements `start` (included) to `end` (excluded) along `axis`. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const { graph } = x;
  const size = x.shape[axis]!;
  if (start === 0 && end === size) return x;
  const bounds = [graph.integers([start]), graph.integers([end]), graph.integers([axis])];
  return graph.node('Slice', [x, ...bounds], x.shape.with(axis, end - start), {
    type: x.type,
    gradients: [
      (d) => {
        const none = x.shape.map(() => 0);
        return pad(d, none.with(axis, start), none.with(axis, size - end));
      },
    ],
  });
}

/** Zeros added before and after each axis. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  if ([...before, ...after].every((count) => count === 0)) return x;
  const shape = x.shape.map((size, axis) => size + before[axis]! + after[axis]!);
  return x.graph.node('Pad', [x, x.graph.integers([...before, ...after])], shape, {
    gradients: [
      (d) => x.shape.reduce((rest, size, axis) => slice(rest, axis, before[axis]!, before[axis]! + size), d),
    ],
  });
}

/** Repeats axes of size 1 until `shape` is reached. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (formatShape(shape) === formatShape(x.shape)) return x;
  return x.graph.node('Expand', [x, x.graph.integers(shape)], shape, {
    type: x.type,
    gradients: [(d) => sumTo(d, x.shape)],
  });
}

// --- reductions ---------------------------------------------------------------------------------------------

/**
 * Sum over `axes`, which stay with size 1 when `keep` is set. Over the first axes or the last ones it is a product with
 * a vector of ones: onnxruntime's ReduceSum uses one thread.
 */
export function sum(x: Tensor, axes: readonly number[], keep = false): Tensor {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const shape = keep ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  const gradients = [(d: Tensor) => broadcastTo(reshape(d, kept), x.shape)];
  const isFirst = axes.every((axis) => axis < axes.length);
  const isLast = axes.every((axis) => axis >= x.shape.length - axes.length);
  if (isFirst === isLast || x.type !== 'float32')
    return x.graph.node('ReduceSum', [x, x.graph.integers(axes)], shape, {
      attributes: { keepdims: keep ? 1 : 0 },
      gradients,
    });
  return x.graph.composite([x], () => {
    const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
    const rest = sizeOf(x.shape) / count;
    const output = isFirst
      ? gemm(x.graph.ones([1, count]), reshape(x, [count, rest]), undefined, false, false)
      : gemm(reshape(x, [rest, count]), x.graph.ones([count, 1]), undefined, false, false);
    return { output: reshape(output, shape), gradients };
  });
}

export function mean(x: Tensor, axes: readonly number[], keep = false): Tensor {
  return scale(sum(x, axes, keep), 1 / axes.reduce((count, axis) => count * x.shape[axis]!, 1));
}

/** Sum over all elements: a scalar. */
export function total(x: Tensor): Tensor {
  return sum(
    x,
    x.shape.map((_, axis) => axis),
  );
}

/** Undoes a broadcast: sums `x` over the axes in which it is larger than `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (formatShape(shape) === formatShape(x.shape)) return x;
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, axis) => (axis < extra || shape[axis - extra] !== size ? [axis] : []));
  return reshape(sum(x, axes), shape);
}

// --- matrices -----------------------------------------------------------------------------------------------

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor on the product. */
  readonly alpha?: number;
}

/** alpha * op(a) op(b) over the last two axes; the axes before broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  const [rows, innerA] = matrixShape(a, transposeA);
  const [innerB, columns] = matrixShape(b, transposeB);
  if (innerA !== innerB)
    throw new GraphError(`cannot multiply ${formatShape(a.shape)} by ${formatShape(b.shape)}`);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const product = (x: Tensor, tx: boolean, y: Tensor, ty: boolean) =>
    matmul(x, y, { transposeA: tx, transposeB: ty, alpha });
  const gradients: GradientRule[] = [
    (d) => sumTo(transposeA ? product(b, transposeB, d, true) : product(d, false, b, !transposeB), a.shape),
    (d) => sumTo(transposeB ? product(d, true, a, transposeA) : product(a, !transposeA, d, false), b.shape),
  ];
  const shape = [...batch, rows, columns];
  if (!transposeA && !transposeB && alpha === 1) return a.graph.node('MatMul', [a, b], shape, { gradients });
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } };
  return a.graph.node('FusedMatMul', [a, b], shape, { domain: 'com.microsoft', attributes, gradients });
}

/** x weight^T + bias over the last axis. `weight` has PyTorch's layout, shape (out, in); `bias` (out,). */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, width] = matrixShape(weight, false);
  if (x.shape.at(-1) !== width)
    throw new GraphError(`linear layer ${formatShape(weight.shape)} on ${formatShape(x.shape)}`);
  const rows = reshape(x, [sizeOf(x.shape) / width, width]);
  return reshape(gemm(rows, weight, bias, false, true), [...x.shape.slice(0, -1), out]);
}

/** op(a) op(b) + bias for matrices; bias (columns,), or a whole matrix to add to, which then gets no gradient. */
export function gemm(
  a: Tensor,
  b: Tensor,
  bias: Tensor | undefined,
  transA: boolean,
  transB: boolean,
): Tensor {
  const [rows, innerA] = matrixShape(a, transA);
  const [innerB, columns] = matrixShape(b, transB);
  if (innerA !== innerB)
    throw new GraphError(`cannot multiply ${formatShape(a.shape)} by ${formatShape(b.shape)}`);
  const product = (x: Tensor, tx: boolean, y: Tensor, ty: boolean) => gemm(x, y, undefined, tx, ty);
  return a.graph.node('Gemm', bias ? [a, b, bias] : [a, b], [rows, columns], {
    attributes: { transA: transA ? 1 : 0, transB: transB ? 1 : 0 },
    gradients: [
      (d) => (transA ? product(b, transB, d, true) : product(d, false, b, !transB)),
      (d) => (transB ? product(d, true, a, transA) : product(a, !transA, d, false)),
      (d) => sum(d, [0]),
    ],
  });
}

// --- normalisation ------------------------------------------------------------------------------------------

/** Softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  const last = x.shape.length - 1;
  const output: Tensor = x.graph.node('Softmax', [x], x.shape, {
    attributes: { axis: -1 },
    gradients: [(d) => multiply(output, subtract(d, sum(multiply(d, output), [last], true)))],
  });
  return output;
}

/** Layer normalisation over the last axis, then times `weight` plus `bias`, both of that axis' size. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  const last = x.shape.length - 1;
  const statistic = { shape: x.shape.with(last, 1), type: 'float32' } as const;
  const [rows, width] = [sizeOf(x.shape) / x.shape[last]!, x.shape[last]!];
  const normalised = () => multiply(subtract(x, outputs[1]!), outputs[2]!);
  // Mean over a row of weight * d: a product of matrix and vector.
  const weightedMean = (d: Tensor) =>
    reshape(
      scale(gemm(reshape(d, [rows, width]), reshape(weight, [width, 1]), undefined, false, false), 1 / width),
      statistic.shape,
    );
  const outputs = x.graph.nodeWithOutputs(
    'LayerNormalization',
    [x, weight, bias],
    [{ shape: x.shape, type: 'float32' }, statistic, statistic],
    {
      attributes: { axis: -1, epsilon: { float: epsilon } },
      gradients: [
        (d) => {
          const n = normalised();
          const alongN = multiply(n, weightedMean(multiply(d, n)));
          return multiply(outputs[2]!, subtract(subtract(multiply(d, weight), weightedMean(d)), alongN));
        },
        (d) => sumTo(multiply(d, normalised()), weight.shape),
        (d) => sumTo(d, bias.shape),
      ],
    },
  );
  return outputs[0];
}

// --- shared -------------------------------------------------------------------------------------------------

function unary(operator: string, x: Tensor, gradient: GradientRule): Tensor {
  return x.graph.node(operator, [x], x.shape, { gradients: [gradient] });
}

function binary(
  operator: string,
  a: Tensor,
  b: Tensor,
  gradientA: GradientRule,
  gradientB: GradientRule,
): Tensor {
  return a.graph.node(operator, [a, b], broadcastShape(a.shape, b.shape), {
    gradients: [(d) => sumTo(gradientA(d), a.shape), (d) => sumTo(gradientB(d), b.shape)],
  });
}

function matrixShape(x: Tensor, transposed: boolean): [number, number] {
  const [rows, columns] = x.shape.slice(-2);
  if (rows === undefined || columns === undefined)
    throw new GraphError(`a matrix has two axes, got shape ${formatShape(x.shape)}`);
  return transposed ? [columns, rows] : [rows, columns];
}

function broadcastShape(a: Shape, b: Shape): Shape {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => {
    const left = a[i - length + a.length] ?? 1;
    const right = b[i - length + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1)
      throw new GraphError(`shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    return Math.max(left, right);
  });
}
