/** Blocked convolutions give the outputs and gradients of plain ones, whose gradients are checked numerically. */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { block, blockedConvolution, prefersBlocks, unblock } from '#alohad/network/blockedConvolution.js';
import { convolution } from '#alohad/network/convolution.js';
import { Graph, sizeOf } from '#alohad/network/graph.js';
import type { Tensor } from '#alohad/network/graph.js';
import { add, multiply, relu, total } from '#alohad/network/operators.js';
import { RandomStream } from '#alohad/network/random.js';
import { channelBlock, openSession } from '#alohad/network/session.js';

const CASES = [
  { kernel: 3, stride: 1, padding: 1, rectified: true, plus: true },
  { kernel: 3, stride: 1, padding: 1, rectified: false, plus: false },
  { kernel: 3, stride: 2, padding: 1, rectified: true, plus: false },
  { kernel: 1, stride: 2, padding: 0, rectified: false, plus: true },
];
const [BATCH, CHANNELS, OUT, HEIGHT, WIDTH] = [2, 32, 16, 7, 6];

describe('blockedConvolution', async () => {
  const found = await channelBlock();

  it('is used where the processor has it and the image is large', () => {
    const image = (graph: Graph, height: number) => graph.input('x', [1, 32, height, 8]);
    expect([0, 8, 16]).toContain(found);
    expect(prefersBlocks(image(new Graph(16), 8), 32, 1)).toBe(true);
    expect(prefersBlocks(image(new Graph(16), 8), 32, 2)).toBe(false);
    expect(prefersBlocks(image(new Graph(16), 8), 24, 1)).toBe(false);
    expect(prefersBlocks(image(new Graph(), 8), 32, 1)).toBe(false);
  });

  it.runIf(found > 0).each(CASES)('equals the plain one: %o', async (options) => {
    const plain = await run(0, options);
    const blocked = await run(found, options);
    for (const [name, expected] of Object.entries(plain)) {
      const scale = Math.max(...expected.map(Math.abs));
      expect(scale).toBeGreaterThan(0);
      blocked[name]!.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * scale));
    }
  });
});

/** Output and gradients of x, weight, bias and the addend, under a loss that weighs each output differently. */
async function run(blocks: number, options: (typeof CASES)[number]): Promise<Record<string, number[]>> {
  const { kernel, stride } = options;
  const graph = new Graph(blocks);
  const shape = [BATCH, OUT, Math.ceil(HEIGHT / stride), Math.ceil(WIDTH / stride)];
  const inputs: Record<string, Tensor> = {
    x: graph.input('x', [BATCH, CHANNELS, HEIGHT, WIDTH]),
    weight: graph.input('weight', [OUT, CHANNELS, kernel, kernel]),
    bias: graph.input('bias', [OUT]),
    ...(options.plus && { plus: graph.input('plus', shape) }),
  };
  const factors = graph.input('factors', shape);
  const output = convolve(inputs, options);
  const gradients = graph.differentiate(total(multiply(output, factors)), Object.values(inputs));
  const named = Object.fromEntries(Object.keys(inputs).map((name, i) => [`of ${name}`, gradients[i]!]));
  const session = await openSession(graph.encode({ output, ...named }), { threads: 1 });
  const feeds = Object.values({ ...inputs, factors }).map(({ name, shape: size }) => {
    const random = new RandomStream(1, name);
    const data = Float32Array.from({ length: sizeOf(size) }, () => random.normal());
    return [name, new OrtTensor('float32', data, size)] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

function convolve(
  { x, weight, bias, plus }: Record<string, Tensor>,
  { stride, padding, rectified }: (typeof CASES)[number],
): Tensor {
  const windows = { stride, padding };
  if (x!.graph.channelBlock > 0)
    return unblock(
      blockedConvolution(block(x!), weight!, bias!, {
        ...windows,
        relu: rectified,
        ...(plus && { plus: block(plus) }),
      }),
    );
  const y = convolution(x!, weight!, bias, { ...windows, form: 'direct' });
  const sum = plus ? add(y, plus) : y;
  return rectified ? relu(sum) : sum;
}
