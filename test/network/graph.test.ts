import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { convolution } from '#alohad/network/convolution.js';
import { Graph, GraphError, sizeOf } from '#alohad/network/graph.js';
import * as op from '#alohad/network/operators.js';
import { maxPool } from '#alohad/network/pooling.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('Graph.encode', () => {
  it('leaves out nodes, inputs and constants that the outputs do not need', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const unused = graph.input('unused', [2]);
    op.multiply(op.tanh(unused), graph.constant(Float32Array.of(1, 2), [2], 'unused_constant'));
    const model = graph.encode({ y: op.exp(x) });
    expect(text(model)).not.toMatch(/unused|Tanh/);
    const session = await InferenceSession.create(model);
    expect(session.inputNames).toEqual(['x']);
    expect(session.outputNames).toEqual(['y']);
  });

  it('asks MaxPool for its indices only when the gradient needs them', () => {
    const graph = new Graph();
    const x = graph.input('x', [1, 2, 6, 6]);
    const y = maxPool(x, 3, 2, 1);
    const [gradient] = graph.differentiate(op.total(y), [x]);
    expect(text(graph.encode({ y }))).not.toContain('MaxPool_0.1');
    expect(text(graph.encode({ y, gradient: gradient! }))).toContain('MaxPool_0.1');
  });

  it('has onnxruntime compute the gradient of a weight before it goes on to the layer below', async () => {
    const graph = new Graph();
    const x = graph.input('x', [3, 4]);
    const weights = [4, 5, 6].map((width) => graph.input(`weight${width}`, [width, width + 1]));
    const y = weights.reduce((rest, weight) => op.tanh(op.matmul(rest, weight)), x);
    const gradients = graph.differentiate(op.total(y), weights);
    const model = graph.encode(
      Object.fromEntries(gradients.map((gradient, i) => [`gradient${i}`, gradient])),
    );
    const directory = await mkdtemp(path.join(tmpdir(), 'alohad-'));
    const profileFilePrefix = path.join(directory, 'profile');
    const session = await InferenceSession.create(model, { enableProfiling: true, profileFilePrefix });
    const inputs = [x, ...weights].map(({ name, shape }) => {
      const data = new Float32Array(sizeOf(shape)).fill(0.1);
      return [name, new OrtTensor('float32', data, shape)] as const;
    });
    await session.run(Object.fromEntries(inputs));
    session.endProfiling();
    await session.release();
    const [file] = await readdir(directory);
    const profile = await readFile(path.join(directory, file!), 'utf8');
    await rm(directory, { recursive: true });
    const products = profile
      .split('\n')
      .filter((line) => line.includes('"op_name" : "FusedMatMul"'))
      .map((line) => /"output_type_shape" : \[\{"float":\[([\d,]+)\]/.exec(line)?.[1]);
    // Weights have 4 to 6 rows, layers 3.
    expect(products).toEqual(['6,7', '3,6', '5,6', '3,5', '4,5']);
  });

  it('gives one value under two names', async () => {
    const graph = new Graph();
    const y = op.scale(graph.input('x', [1]), 3);
    const session = await InferenceSession.create(graph.encode({ first: y, second: y }));
    const outputs = await session.run({ x: new OrtTensor('float32', Float32Array.of(2), [1]) });
    expect([outputs['first']!.data[0], outputs['second']!.data[0]]).toEqual([6, 6]);
  });

  it('writes scalars, negative integers and float attributes as ONNX means them', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2, 3]);
    const last = graph.node('Slice', [x, ...[[-1], [3], [1]].map((list) => graph.integers(list))], [2, 1]);
    const product = op.matmul(last, last, { transposeB: true, alpha: 0.5 });
    const session = await InferenceSession.create(graph.encode({ product }));
    const feeds = { x: new OrtTensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]) };
    const { product: result } = await session.run(feeds);
    expect([...Float32Array.from(result!.data, Number)]).toEqual([4.5, 9, 9, 18]);
  });
});

describe('shapes that do not fit are named when the graph is built', () => {
  const graph = new Graph();
  const a = graph.input('a', [2, 3]);
  const b = graph.input('b', [4, 5]);
  const image = graph.input('image', [1, 3, 8, 8]);
  it.each([
    ['add', () => op.add(a, b), 'shapes (2, 3) and (4, 5) do not broadcast'],
    ['matmul', () => op.matmul(a, b), 'cannot multiply (2, 3) by (4, 5)'],
    ['reshape', () => op.reshape(a, [7]), 'cannot reshape (2, 3) to (7)'],
    ['linear', () => op.linear(a, b), 'linear layer (4, 5) on (2, 3)'],
    ['constant', () => graph.constant(new Float32Array(3), [2, 2]), 'shape (2, 2) needs 4'],
    [
      'convolution',
      () => convolution(image, graph.input('w', [4, 2, 3, 3]), undefined, { stride: 1, padding: 1 }),
      'convolution of 3 channels by a weight for 2',
    ],
    ['image', () => maxPool(a, 3, 2, 1), '"a" has shape (2, 3)'],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(GraphError);
    expect(build).toThrow(message);
  });
});
