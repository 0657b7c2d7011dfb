import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Dropout } from '#alohad/network/dropout.js';
import { Graph } from '#alohad/network/graph.js';
import { total } from '#alohad/network/operators.js';
import { RandomStream } from '#alohad/network/random.js';

const COUNT = 40_000;

describe('Dropout', () => {
  it('drops the given share, keeps the expectation, and passes gradients only where it kept', async () => {
    const graph = new Graph();
    const dropout = new Dropout(graph, 0.25);
    const x = graph.input('x', [COUNT]);
    const y = dropout.apply(x);
    const [gradient] = graph.differentiate(total(y), [x]);
    const session = await InferenceSession.create(graph.encode({ y, gradient: gradient! }));
    const mask = new Uint8Array(COUNT);
    dropout.draw(mask, new RandomStream(1, 'dropout'));
    const outputs = await session.run({
      x: new OrtTensor('float32', new Float32Array(COUNT).fill(3), [COUNT]),
      dropout_0: new OrtTensor('uint8', mask, [COUNT]),
    });
    const values = Float32Array.from(outputs['y']!.data, Number);
    expect(new Set(values)).toEqual(new Set([0, 4]));
    const kept = values.filter((value) => value !== 0).length / COUNT;
    expect(Math.abs(kept - 0.75)).toBeLessThan(5 * Math.sqrt((0.75 * 0.25) / COUNT));
    expect(Float32Array.from(outputs['gradient']!.data, Number)).toEqual(values.map((value) => value / 3));
  });

  it('is the identity at probability 0, without an input', () => {
    const graph = new Graph();
    const dropout = new Dropout(graph, 0);
    const x = graph.input('x', [3]);
    expect(dropout.apply(x)).toBe(x);
    expect(dropout.masks).toEqual([]);
  });

  it('draws another mask for another stream and the same for the same', () => {
    const draw = (purpose: string) => {
      const mask = new Uint8Array(64);
      new Dropout(new Graph(), 0.5).draw(mask, new RandomStream(1, purpose));
      return mask;
    };
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
  });
});
