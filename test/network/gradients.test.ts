/**
 * Every operator's gradient against central differences: dLoss/dx along a random direction, where the loss is
 * the product of the output with fixed random numbers.
 */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { attend } from '#alohad/network/attention.js';
import { convolution } from '#alohad/network/convolution.js';
import { Graph, sizeOf } from '#alohad/network/graph.js';
import type { Shape, Tensor } from '#alohad/network/graph.js';
import * as op from '#alohad/network/operators.js';
import { maxPool } from '#alohad/network/pooling.js';
import { RandomStream } from '#alohad/network/random.js';

type Build = (...inputs: Tensor[]) => Tensor;

interface Case {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly build: Build;
  /** Keeps values where the operator is defined, or away from its kinks. */
  readonly prepare?: (value: number, input: number) => number;
}

const positive = (value: number) => 0.5 + Math.abs(value);
const awayFromZero = (value: number) => value + Math.sign(value) * 0.2;

const CASES: readonly Case[] = [
  {
    name: 'add',
    shapes: [
      [2, 3],
      [2, 3],
    ],
    build: op.add,
  },
  {
    name: 'add, both sides broadcast',
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    build: op.add,
  },
  { name: 'subtract, broadcast row', shapes: [[2, 3], [3]], build: op.subtract },
  {
    name: 'multiply, broadcast',
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
    build: op.multiply,
  },
  { name: 'multiply by a scalar input', shapes: [[2, 3], []], build: op.multiply },
  { name: 'multiply a value by itself', shapes: [[5]], build: (x) => op.multiply(x, x) },
  {
    name: 'divide, broadcast',
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: op.divide,
    prepare: positive,
  },
  { name: 'scale', shapes: [[4]], build: (x) => op.scale(x, -2.5) },
  { name: 'negate', shapes: [[4]], build: op.negate },
  { name: 'exp', shapes: [[5]], build: op.exp },
  { name: 'log', shapes: [[5]], build: op.log, prepare: positive },
  { name: 'sqrt', shapes: [[5]], build: op.sqrt, prepare: positive },
  { name: 'tanh', shapes: [[5]], build: op.tanh },
  { name: 'sigmoid', shapes: [[5]], build: op.sigmoid },
  { name: 'absolute', shapes: [[6]], build: op.absolute, prepare: awayFromZero },
  { name: 'relu', shapes: [[20]], build: op.relu, prepare: awayFromZero },
  {
    name: 'minimum',
    shapes: [[20], [20]],
    // Halves against quarters: never within a step of each other.
    build: (a, b) => op.minimum(a, op.scale(b, 0.5)),
    prepare: (value) => Math.sign(value) / 2,
  },
  { name: 'reshape', shapes: [[2, 6]], build: (x) => op.reshape(x, [3, 4]) },
  { name: 'transpose', shapes: [[2, 3, 4]], build: (x) => op.transpose(x, [2, 0, 1]) },
  {
    name: 'concat',
    shapes: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    build: (...parts) => op.concat(parts, 1),
  },
  { name: 'concat of a value with itself', shapes: [[2, 3]], build: (x) => op.concat([x, x], 0) },
  { name: 'slice', shapes: [[4, 5]], build: (x) => op.slice(x, 1, 1, 4) },
  { name: 'pad', shapes: [[2, 3]], build: (x) => op.pad(x, [1, 0], [0, 2]) },
  { name: 'broadcastTo', shapes: [[2, 1]], build: (x) => op.broadcastTo(x, [3, 2, 4]) },
  { name: 'sum', shapes: [[2, 3, 4]], build: (x) => op.sum(x, [0, 2]) },
  { name: 'sum, axes kept', shapes: [[2, 3, 4]], build: (x) => op.sum(x, [1], true) },
  { name: 'mean', shapes: [[2, 3, 4]], build: (x) => op.mean(x, [1, 2]) },
  {
    name: 'matmul',
    shapes: [
      [2, 3],
      [3, 4],
    ],
    build: (a, b) => op.matmul(a, b),
  },
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      name: `matmul, transposed ${transposeA}/${transposeB}, scaled, batched`,
      shapes: [
        [2, 3, ...(transposeA ? [4, 5] : [5, 4])],
        [2, 3, ...(transposeB ? [6, 4] : [4, 6])],
      ],
      build: (a: Tensor, b: Tensor) => op.matmul(a, b, { transposeA, transposeB, alpha: 0.7 }),
    })),
  ),
  {
    name: 'matmul, left batch broadcast',
    shapes: [
      [1, 3, 5, 4],
      [2, 3, 4, 6],
    ],
    build: (a, b) => op.matmul(a, b),
  },
  {
    name: 'matmul, right batch missing',
    shapes: [
      [2, 3, 5, 4],
      [6, 4],
    ],
    build: (a, b) => op.matmul(a, b, { transposeB: true }),
  },
  {
    name: 'matmul, transposed left broadcast',
    shapes: [
      [3, 4, 5],
      [2, 3, 4, 6],
    ],
    build: (a, b) => op.matmul(a, b, { transposeA: true }),
  },
  { name: 'linear', shapes: [[2, 3, 4], [5, 4], [5]], build: op.linear },
  ...[1, 2].map((rows) => ({
    name: `attention, queries of ${rows} for a batch of 2`,
    shapes: [
      [rows, 3, 4, 5],
      [2, 3, 6, 5],
      [2, 3, 6, 5],
    ],
    build: (q: Tensor, k: Tensor, v: Tensor) => attend(q, k, v, undefined, (x) => x),
  })),
  {
    name: 'attention, masked',
    shapes: [
      [2, 3, 4, 5],
      [2, 3, 2, 5],
      [2, 3, 2, 5],
    ],
    build: (q, k, v) =>
      attend(q, k, v, q.graph.constant(Float32Array.of(0, -1e9, 0, 0), [2, 1, 1, 2]), (x) => x),
  },
  {
    name: 'linear without bias',
    shapes: [
      [3, 4],
      [5, 4],
    ],
    build: op.linear,
  },
  ...[false, true].flatMap((ta) =>
    [false, true].map((tb) => ({
      name: `gemm, transposed ${ta}/${tb}`,
      shapes: [ta ? [4, 3] : [3, 4], tb ? [5, 4] : [4, 5], [5]],
      build: (a: Tensor, b: Tensor, c: Tensor) => op.gemm(a, b, c, ta, tb),
    })),
  ),
  { name: 'softmax', shapes: [[2, 3, 5]], build: op.softmax },
  {
    name: 'layerNorm',
    shapes: [[2, 3, 8], [8], [8]],
    build: (x, weight, bias) => op.layerNorm(x, weight, bias),
  },
  ...[
    { size: [6, 8], kernel: 3, stride: 1, padding: 1 },
    { size: [6, 8], kernel: 3, stride: 2, padding: 1 },
    { size: [7, 5], kernel: 3, stride: 2, padding: 1 },
    { size: [6, 8], kernel: 1, stride: 2, padding: 0 },
    { size: [6, 8], kernel: 1, stride: 1, padding: 0 },
    { size: [8, 8], kernel: 4, stride: 4, padding: 0 },
    { size: [9, 10], kernel: 4, stride: 4, padding: 0 },
    { size: [11, 12], kernel: 7, stride: 2, padding: 3 },
    { size: [5, 5], kernel: 3, stride: 1, padding: 0 },
  ].flatMap(({ size, kernel, stride, padding }) =>
    [
      { form: 'unfold' as const },
      { form: 'direct' as const, weightGradient: 'unfold' as const },
      { form: 'direct' as const, weightGradient: 'swap' as const },
    ].map((forms) => ({
      name: `convolution ${kernel}x${kernel} stride ${stride} padding ${padding} on ${size.join('x')}, ${Object.values(forms).join('/')}`,
      shapes: [[2, 3, ...size], [4, 3, kernel, kernel], [4]],
      build: (x: Tensor, w: Tensor, b: Tensor) => convolution(x, w, b, { stride, padding, ...forms }),
    })),
  ),
  // Shuffled, well separated values: no ties, and no window changes its maximum within a difference step.
  {
    name: 'maxPool',
    shapes: [[2, 3, 7, 8]],
    build: (x) => maxPool(x, 3, 2, 1),
    prepare: (_, i) => ((i * 79) % 337) / 40,
  },
];

async function evaluate(model: Uint8Array, feeds: Readonly<Record<string, [Float32Array, Shape]>>) {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const tensors = Object.entries(feeds).map(([name, [data, shape]]) => [
    name,
    new OrtTensor('float32', data, shape),
  ]);
  const outputs = await session.run(Object.fromEntries(tensors));
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, Float64Array.from(data, Number)]),
  );
}

describe('gradients equal central differences', () => {
  it.each(CASES)('$name', async ({ name, shapes, build, prepare = (value) => value }) => {
    const random = new RandomStream(7, name);
    const graph = new Graph();
    const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
    const output = build(...inputs);
    const factors = Float32Array.from({ length: sizeOf(output.shape) }, () => random.normal());
    const loss = op.total(op.multiply(output, graph.constant(factors, output.shape)));
    const gradients = graph.differentiate(loss, inputs);
    const values = shapes.map((shape) =>
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => prepare(random.normal(), i)),
    );
    const feeds = (changed: readonly Float32Array[]) =>
      Object.fromEntries(shapes.map((shape, i) => [`x${i}`, [changed[i]!, shape] as [Float32Array, Shape]]));

    const named = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
    const analytic = await evaluate(graph.encode(named), feeds(values));
    const forward = graph.encode({ y: output });
    for (const [i, value] of values.entries()) {
      const direction = Float32Array.from(value, () => random.normal());
      const step = 5e-3;
      // The loss in double precision, so that only the operator's own rounding is left.
      const lossAt = async (sign: number) => {
        const moved = value.map((x, j) => x + sign * step * direction[j]!);
        const { y } = await evaluate(forward, feeds(values.with(i, moved)));
        return y!.reduce((sum, x, j) => sum + x * factors[j]!, 0);
      };
      const numeric = ((await lossAt(1)) - (await lossAt(-1))) / (2 * step);
      const product = analytic[`g${i}`]!.reduce((sum, x, j) => sum + x * direction[j]!, 0);
      expect(Math.abs(product - numeric), `input ${i}: ${product} against ${numeric}`).toBeLessThan(
        2e-3 * (1 + Math.abs(numeric)),
      );
    }
  });

  it('covers every operator that is exported', () => {
    const tested = CASES.map(({ name }) => name).join(' ');
    const without = ['cast', 'total', 'sumTo']; // no gradient; part of every case
    for (const name of Object.keys(op).filter((key) => !without.includes(key)))
      expect(tested).toContain(name);
  });
});

describe('differentiate', () => {
  it('adds up gradients that arrive on several paths', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const y = op.multiply(op.exp(x), op.add(x, x)); // d/dx = 2 exp(x) (x + 1)
    const [gradient] = graph.differentiate(op.total(y), [x]);
    const { g } = await evaluate(graph.encode({ g: gradient! }), { x: [Float32Array.of(0, 1), [2]] });
    expect(g![0]).toBeCloseTo(2, 5);
    expect(g![1]).toBeCloseTo(4 * Math.E, 4);
  });

  it('refuses a parameter that the loss does not depend on, by name', () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const unused = graph.input('unused', [3]);
    expect(() => graph.differentiate(op.total(x), [x, unused])).toThrow('"unused"');
  });

  it('refuses a loss that is not a scalar', () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    expect(() => graph.differentiate(op.exp(x), [x])).toThrow('scalar');
  });
});
