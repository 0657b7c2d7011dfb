import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Dropout } from '#alohad/network/dropout.js';
import { DropoutMasks } from '#alohad/network/dropoutMasks.js';
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
    const drawn = new DropoutMasks([COUNT], dropout.dropped);
    drawn.draw(new RandomStream(1, 'dropout'));
    const outputs = await session.run({
      x: new OrtTensor('float32', new Float32Array(COUNT).fill(3), [COUNT]),
      dropout_0: new OrtTensor('uint8', drawn.masks[0]!, [COUNT]),
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
});

describe('DropoutMasks', () => {
  const draw = (purpose: string): Uint8Array => {
    const drawn = new DropoutMasks([64], 128);
    drawn.draw(new RandomStream(1, purpose));
    return drawn.masks[0]!;
  };

  it('draws another mask for another stream and the same for the same', () => {
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
  });

  it.each([0, 1, 26, 128, 255])('keeps a byte of the stream from %i on, whatever the sizes', (dropped) => {
    const sizes = [5, 64, 1, 16, 0, 33];
    const random = new RandomStream(7, 'dropout');
    const plain = new RandomStream(7, 'dropout');
    const drawn = new DropoutMasks(sizes, dropped);
    for (let step = 0; step < 3; step++) {
      drawn.draw(random);
      const expected = sizes.map((size) => {
        const words = Array.from({ length: Math.ceil(size / 4) }, () => plain.word());
        const byte = (i: number) => (words[Math.floor(i / 4)]! >>> (8 * (i % 4))) & 255;
        return Uint8Array.from({ length: size }, (_, i) => (byte(i) >= dropped ? 1 : 0));
      });
      expect(drawn.masks).toEqual(expected);
    }
    expect(random.word()).toBe(plain.word());
  });
});
